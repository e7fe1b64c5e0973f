"""Address of a client, for deliveries."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.base_model import BaseModel, ordered_index, reference


class AddressModel(BaseModel):
    __tablename__ = "addresses"

    __table_args__ = (ordered_index("client_id"), ordered_index("city"))

    street: Mapped[str] = mapped_column(String(200), index=True)
    number: Mapped[str | None] = mapped_column(String(20))
    city: Mapped[str] = mapped_column(String(100))
    client_id: Mapped[int] = reference("clients.id_key", cascade=True)
