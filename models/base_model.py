"""Base class of entities: a 64-bit key and two timestamps that the database maintains."""

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from sqlalchemy import BigInteger, Computed, DateTime, ForeignKey, Identity, Index, Numeric, Table, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from config.database import base

MoneyColumn = Annotated[Decimal, mapped_column(Numeric(12, 2))]
USES_PER_ENTRY = 1000
PARTITIONED = {"postgresql_partition_by": "RANGE (id_key)"}
"""Last of `__table_args__` of a partitioned table. The function `add_partitions` makes its later partitions."""


class BaseModel(base):
    """Base class of entities. A database trigger sets `updated_at`, so it is right for every writer.

    It is the time of the write, not of the start of its transaction, so of two writes of a row the later one has the
    later time.
    """

    __abstract__ = True
    __mapper_args__ = {"eager_defaults": True}  # SQLAlchemy defines the name and the type

    id_key: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, sort_order=-1)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now(), sort_order=1)
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp(), sort_order=1
    )

    is_resource: ClassVar[bool] = True
    """Requests read and write it under its own path, to which scopes of API keys refer."""
    is_append_only: ClassVar[bool] = False
    """Rows are never updated, so they lie in the order of their times, and a BRIN index, which costs nothing, finds
    those of a time."""
    words: ClassVar[Table | None] = None
    """All words of `search_text`, of which an index has the rows. Without this table, it has those of trigrams.

    A word has one entry, and about one more for each USES_PER_ENTRY rows, so their number tells how frequent it is.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Add the index behind `updated_since`."""
        super().__init_subclass__(**options)
        columns: Any = cls.__table__.c
        if cls.is_append_only:
            Index(None, columns.updated_at, postgresql_using="brin")
        else:
            Index(None, columns.updated_at, columns.id_key)

    @classmethod
    def entity_name(cls) -> str:
        """Return the name for messages: `OrderDetail` for `OrderDetailModel`."""
        return cls.__name__.removesuffix("Model")

    @classmethod
    def label(cls) -> str:
        """Return the name within a sentence: `order detail` for `OrderDetailModel`."""
        return re.sub(r"(?<!^)(?=[A-Z])", " ", cls.entity_name()).lower()


def one_of(column: str, values: Iterable[str]) -> str:
    """Return the condition of a column with texts that must be among these."""
    return f"{column} IN ({', '.join(map(repr, map(str, values)))})"


def reference(target: str, *, cascade: bool = False) -> Mapped[int]:
    """Declare a foreign key. `cascade` deletes this row with its target. Each one needs an `ordered_index`."""
    return mapped_column(BigInteger, ForeignKey(target, ondelete="CASCADE" if cascade else None))


def search_text(source: str) -> Mapped[str]:
    """Declare the folded text that `q` searches, kept by the database. Folding each row of a search takes too long."""
    return mapped_column(Text, Computed(f"fold_search({source})", persisted=True), deferred=True)


def ordered_index(*columns: str) -> Index:
    """Declare an index that yields the pages of a list in order, without sorting. Every order ends with `id_key`."""
    return Index(None, *columns, "id_key")
