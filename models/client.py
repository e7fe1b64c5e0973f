"""Client: a customer of the shop."""

from sqlalchemy import Index, String, func
from sqlalchemy.orm import Mapped, mapped_column

from models.base_model import BaseModel, ordered_index, search_text


class ClientModel(BaseModel):
    __tablename__ = "clients"

    name: Mapped[str] = mapped_column(String(100))
    lastname: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(254))
    telephone: Mapped[str | None] = mapped_column(String(21))
    search_text: Mapped[str] = search_text("name || ' ' || lastname")

    __table_args__ = (
        Index("uq_clients_email", func.fold_case(email), unique=True),
        ordered_index("name"),
        ordered_index("lastname"),
    )
