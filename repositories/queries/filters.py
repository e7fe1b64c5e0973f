"""Filters as SQL: the comparison of each operator, and the part of a text search that a trigram index finds."""

import re
from collections.abc import Callable
from enum import Enum
from functools import reduce
from typing import Any, NamedTuple, Self

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    SQLColumnExpression,
    and_,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
)

from models.base_model import BaseModel
from schemas.list_query import Operator, Where

_COMPARISONS: dict[Operator, Callable[[Any, Any], Any]] = {
    "=": lambda column, value: column == value,
    ">=": lambda column, value: column >= value,
    "<=": lambda column, value: column <= value,
    "contains": lambda column, value: func.strpos(func.lower(column), _lowered(value)) > literal_column("0"),
    "lower=": lambda column, value: func.lower(column) == func.lower(value),
    "positive": lambda column, value: (column > literal_column("0")) == value,
}
# The lower case of these three depends on their neighbours, so a part of a text could differ from the whole.
_LETTER = r"[^\W_Σςİ]"
_LONG_WORD = re.compile(rf"{_LETTER}{{3}}")
_WORDS = re.compile(rf"{_LETTER}{{3,}}| {_LETTER}{{1,2}}(?!{_LETTER})")


class Filter(NamedTuple):
    name: str
    where: Where
    value: Enum | bool | None
    """A value from a small set is a part of the SQL: the planner then knows how rare it is. None means a parameter."""
    has_trigrams: bool
    """The filter searches for a text with three letters in a row."""

    @classmethod
    def of(cls, name: str, where: Where, value: Any) -> Self:
        has_trigrams = where.operator == "contains" and _LONG_WORD.search(value) is not None
        return cls(name, where, value if isinstance(value, (Enum, bool)) else None, has_trigrams)


def condition(model: type[BaseModel], of: Filter) -> ColumnElement[bool]:
    """Return the meaning of the filter. A value outside the filter is the parameter of its name."""
    value = _parameter(model, of) if of.value is None else _constant(of.value)
    compare = _COMPARISONS[of.where.operator]
    return or_(*(compare(getattr(model, column), value) for column in of.where.columns))


def after_key(key: SQLColumnExpression[Any], *, is_backwards: bool) -> ColumnElement[bool]:
    """Return the condition of the rows that follow the key `after_id` in the order of the page."""
    return key < bindparam("after_id") if is_backwards else key > bindparam("after_id")


def as_range(model: type[BaseModel], of: Filter, *, is_after: bool, is_backwards: bool) -> ColumnElement[bool]:
    """Return an equality with a fixed value as a range of one value. It begins after the key `after_id` if `is_after`.

    The planner drops a column that equals a constant from an order. A range keeps it, so the order needs its index. A
    pair of value and key is one place of the index, so the page starts there, however deep. PostgreSQL would rather
    start at a bound of the value alone, so the range has only the one at its other end.
    """
    column, value = getattr(model, of.where.columns[0]), _constant(of.value)
    if not is_after:
        return and_(column >= value, column <= value)
    pair, after = tuple_(column, model.id_key), tuple_(value, bindparam("after_id"))
    return and_(pair < after, column >= value) if is_backwards else and_(pair > after, column <= value)


def trigram_condition(model: type[BaseModel], of: Filter) -> ColumnElement[bool]:
    """Return a condition that all matches of a search meet, and few other rows.

    Several columns, none of them nullable, are one text in the index: one read is enough.
    """
    columns: list[ColumnElement[str]] = [getattr(model, name) for name in of.where.columns]
    text = reduce(lambda left, right: left.concat(literal_column("' '")).concat(right), columns)
    return func.lower(text).like(_lowered(bindparam(f"{of.name}_trigrams")))


def trigram_parameter(of: Filter, text: str) -> dict[str, str]:
    """Return the parameter of `trigram_condition`, a LIKE pattern. Every name that contains `text` meets it.

    The index reads a list of rows for each trigram. "johnson ukulele" has 13, with 10,000 rows each in a shop of a
    million products. "%joh%uku%" takes a third of the time and finds hardly any other name. A short word, as in
    "johnson u", makes a trigram with the space before it.
    """
    words = _WORDS.findall(text)
    length = 3 if len(words) > 1 else None
    return {f"{of.name}_trigrams": "%".join(("", *(word[:length] for word in words), ""))}


def _parameter(model: type[BaseModel], of: Filter) -> ColumnElement[Any]:
    """Return the parameter. A GIN index has no operator between its 64-bit column and a small, so 32-bit, number."""
    value: ColumnElement[Any] = bindparam(of.name)
    return value.cast(BigInteger) if isinstance(getattr(model, of.where.columns[0]).type, BigInteger) else value


def _lowered(value: BindParameter[Any]) -> ColumnElement[Any]:
    """Evaluate `lower` once for the statement; a prepared statement would call it for each row."""
    return select(func.lower(value)).scalar_subquery()


def _constant(value: Enum | bool | None) -> ColumnElement[Any]:
    plain = value.value if isinstance(value, Enum) else value
    return literal_column(str(literal(plain).compile(compile_kwargs={"literal_binds": True})))
