"""What a range or a search looks for, and which indexes can show it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, bindparam, func, select

from models.base_model import BaseModel
from repositories.queries.filters import RANGES, Filter, condition, trigram_condition
from repositories.queries.scan_budget import ALONG_KEYS, FOR_A_TEXT, WITHIN_A_VALUE, ScanBudget

Conditions = Sequence[ColumnElement[bool]]
Column = SQLColumnExpression[Any]


@dataclass(frozen=True)
class Search:
    """The filters of a page in the order of keys, told apart by what an index can do for them."""

    model: type[BaseModel]
    walked: Conditions
    """An index leads along their rows in the order of keys: the walk is along these."""
    sought: Conditions
    trigrams: Conditions
    """What an index finds of `sought`, where it finds more than that."""
    range: Column | None
    """What all of `sought` is about, where an index has the rows of `walked` in its order, whatever the parameters."""
    walk: ScanBudget
    is_after: bool
    """Whether the page begins after the key `after_id`."""
    is_backwards: bool

    @classmethod
    def of(
        cls,
        model: type[BaseModel],
        filters: Collection[Filter],
        with_trigrams: Collection[str],
        *,
        is_after: bool,
        is_backwards: bool,
    ) -> "Search":
        walked = [item for item in filters if _is_walked(model, item)]
        sought = [item for item in filters if item not in walked]
        column = _range_column(model, walked, sought)
        trigrams = [trigram_condition(model, item) for item in sought if item.name in with_trigrams]
        return cls(
            model,
            [condition(model, item) for item in walked],
            [condition(model, item) for item in sought],
            trigrams,
            getattr(model, column) if column else None,
            _walk(walked, trigrams),
            is_after,
            is_backwards,
        )

    @property
    def is_prepared(self) -> bool:
        """Whether each way can be taken by one index only, whatever the parameters."""
        return self.range is not None or (len(self.walked) <= 1 and len(self.trigrams) == len(self.sought))

    @property
    def after(self) -> Conditions:
        return [self.model.id_key > bindparam("after_id")] if self.is_after else []

    @property
    def begin(self) -> ColumnElement[int]:
        """The first key, or the one before it."""
        if self.is_after and not self.is_backwards:
            return bindparam("after_id")
        end = func.max if self.is_backwards else func.min
        return select(end(self.model.id_key)).scalar_subquery()

    def by(self, column: Column) -> ColumnElement[Any]:
        return column.desc() if self.is_backwards else column.asc()


def _is_walked(model: type[BaseModel], item: Filter) -> bool:
    return item.where.operator == "=" and has_ordered_index(model, *item.where.columns)


def _walk(walked: Collection[Filter], trigrams: Conditions) -> ScanBudget:
    if walked:
        return WITHIN_A_VALUE
    return FOR_A_TEXT if trigrams else ALONG_KEYS


def _range_column(model: type[BaseModel], walked: Collection[Filter], sought: Collection[Filter]) -> str | None:
    columns = {column for item in sought for column in item.where.columns}
    is_range = len(columns) == 1 and all(item.where.operator in RANGES for item in sought)
    if not is_range or any(item.value is None for item in walked):
        return None
    [column], values = columns, [name for item in walked for name in item.where.columns]
    return column if has_ordered_index(model, *values, column) else None


def has_ordered_index(model: type[BaseModel], *columns: str) -> bool:
    """Whether an index has the rows in the order of these columns, and then in that of keys."""
    indexes = model.metadata.tables[model.__tablename__].indexes
    return any(index.columns.keys() == [*columns, "id_key"] for index in indexes)
