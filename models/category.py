"""Category of products."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.base_model import BaseModel, search_text


class CategoryModel(BaseModel):
    __tablename__ = "categories"

    name: Mapped[str] = mapped_column(String(100), unique=True)
    search_text: Mapped[str] = search_text("name")
