"""Review of a product."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base_model import BaseModel, ordered_index, reference


class ReviewModel(BaseModel):
    """Review. `client_id` is its author, if a client wrote it; the review of a deleted client stays without one.

    It is in no response. The index keeps a client to one review of a product.
    """

    __tablename__ = "reviews"
    __table_args__ = (
        CheckConstraint("rating BETWEEN 0 AND 5", name="rating_range"),
        ordered_index("product_id"),
        ordered_index("rating"),
        Index(
            "uq_reviews_client_id_product_id",
            *("client_id", "product_id"),
            unique=True,
            postgresql_where=text("client_id IS NOT NULL"),
        ),
    )

    rating: Mapped[float]
    comment: Mapped[str | None] = mapped_column(Text)
    product_id: Mapped[int] = reference("products.id_key", cascade=True)
    client_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("clients.id_key", ondelete="SET NULL"))
