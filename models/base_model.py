"""What every table has: an integer key and two timestamps that the database keeps."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from sqlalchemy import DateTime, ForeignKey, Index, Numeric, func
from sqlalchemy.orm import Mapped, mapped_column

from config.database import base

MoneyColumn = Annotated[Decimal, mapped_column(Numeric(12, 2))]


class BaseModel(base):
    """A trigger of the database moves `updated_at`, so that it is right for every writer."""

    __abstract__ = True
    __mapper_args__ = {"eager_defaults": True}  # the name and type are SQLAlchemy's

    id_key: Mapped[int] = mapped_column(primary_key=True, sort_order=-1)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now(), sort_order=1)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now(), sort_order=1)

    @classmethod
    def entity_name(cls) -> str:
        """The name that messages use: `OrderDetail` for `OrderDetailModel`."""
        return cls.__name__.removesuffix("Model")

    @classmethod
    def label(cls) -> str:
        """The name within a sentence: `order detail` for `OrderDetailModel`."""
        return re.sub(r"(?<!^)(?=[A-Z])", " ", cls.entity_name()).lower()


def reference(target: str, *, cascade: bool = False) -> Mapped[int]:
    """A foreign key; `cascade` deletes this row with the row that it refers to. Each has an `ordered_index`."""
    return mapped_column(ForeignKey(target, ondelete="CASCADE" if cascade else None))


def ordered_index(*columns: str) -> Index:
    """An index from which a page of a list is read in its order, without sorting: `id_key` ends every order."""
    return Index(None, *columns, "id_key")
