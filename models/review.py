"""Review of a product."""

from sqlalchemy import CheckConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base_model import BaseModel, ordered_index, reference


class ReviewModel(BaseModel):
    __tablename__ = "reviews"
    __table_args__ = (
        CheckConstraint("rating BETWEEN 0 AND 5", name="rating_range"),
        ordered_index("product_id"),
        ordered_index("rating"),
    )

    rating: Mapped[float]
    comment: Mapped[str | None] = mapped_column(Text)
    product_id: Mapped[int] = reference("products.id_key", cascade=True)
