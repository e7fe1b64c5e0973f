"""Where a client lives or wants deliveries."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.base_model import BaseModel, reference


class AddressModel(BaseModel):
    __tablename__ = "addresses"

    street: Mapped[str] = mapped_column(String(200), index=True)
    number: Mapped[str | None] = mapped_column(String(20))
    city: Mapped[str] = mapped_column(String(100), index=True)
    client_id: Mapped[int] = reference("clients.id_key", cascade=True)
