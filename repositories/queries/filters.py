"""Filters as SQL: how each operator compares a column with a parameter, and what of a search an index can find."""

import re
from collections.abc import Callable
from enum import Enum
from functools import reduce
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, bindparam, func, literal, literal_column, or_, select

from models.base_model import BaseModel
from schemas.list_query import Operator, Where

RANGES: frozenset[Operator] = frozenset((">=", "<="))
SEARCHES: frozenset[Operator] = RANGES | {"contains"}
"""What no index has in the order of keys."""

_COMPARISONS: dict[Operator, Callable[[Any, Any], Any]] = {
    "=": lambda column, value: column == value,
    ">=": lambda column, value: column >= value,
    "<=": lambda column, value: column <= value,
    "contains": lambda column, value: func.strpos(func.lower(column), _lowered(value)) > literal_column("0"),
    "lower=": lambda column, value: func.lower(column) == func.lower(value),
    "positive": lambda column, value: (column > literal_column("0")) == value,
}
# Without letters whose lower case hangs on their neighbours: a part of a text would have another than the whole.
_LETTER = r"[^\W_Σςİ]"
_LONG_WORDS = re.compile(rf"{_LETTER}{{3,}}")
_WORDS = re.compile(rf"{_LETTER}{{3,}}| {_LETTER}{{1,2}}(?!{_LETTER})")


class Filter(NamedTuple):
    name: str
    where: Where
    value: Enum | bool | None = None
    """One of a few, which is a part of the statement, so that the planner can tell rare ones from common ones; None
    for a parameter.
    """


def condition(model: type[BaseModel], of: Filter) -> ColumnElement[bool]:
    """What the filter means; a value that is not in it is the parameter of its name."""
    value = bindparam(of.name) if of.value is None else _constant(of.value)
    compare = _COMPARISONS[of.where.operator]
    return or_(*(compare(getattr(model, column), value) for column in of.where.columns))


def only_value(model: type[BaseModel], of: Filter) -> ColumnElement[bool]:
    """The condition of a filter whose value is fixed, as a range. Of a column that equals a constant the planner knows
    that it orders nothing; with a range, an order that begins with the column asks for an index that does.
    """
    column: ColumnElement[Any] = getattr(model, of.where.columns[0])
    value = _constant(of.value)
    return column.between(value, value)


def trigram_condition(model: type[BaseModel], of: Filter) -> ColumnElement[bool]:
    """What an index of trigrams finds of a search: all that the search means, and little else. Several columns are one
    text to it, so that one look is enough.
    """
    pattern: BindParameter[str] = bindparam(trigram_parameter(of.name))
    columns = [getattr(model, column) for column in of.where.columns]
    text = reduce(_joined, map(_present, columns)) if len(columns) > 1 else columns[0]
    return func.lower(text).like(_lowered(pattern))


def trigram_parameter(name: str) -> str:
    return f"{name}_trigrams"


def trigram_pattern(text: str) -> str | None:
    """A pattern of LIKE that every text meets which contains this one; None where it has no three letters in a row.

    The index reads a list of rows for each trigram. Of "johnson ukulele" those are 13 lists of 10,000 rows in a shop of
    a million products; "%joh%uku%" takes a quarter of the time, and hardly any other name meets it. So a pattern has
    the first three letters of each word; of a word by itself nine, since "wil" finds much else than Williamson. A
    shorter word beside it ("johnson u") has trigrams with the space before it; beside two, its list takes longer than
    what they leave.
    """
    words = _LONG_WORDS.findall(text)
    if len(words) == 1:
        words = _WORDS.findall(text)
    length = 3 if len(words) > 1 else 9
    return "%".join(("", *(word[:length] for word in words), "")) if words else None


def _joined(text: Any, more: Any) -> Any:
    return text.concat(literal_column("' '")).concat(more)


def _present(column: Any) -> Any:
    return func.coalesce(column, literal_column("''")) if column.nullable else column


def _lowered(value: BindParameter[Any]) -> ColumnElement[Any]:
    """Once for the statement; `lower(value)` by itself would be called for each row when the statement is prepared."""
    return select(func.lower(value)).scalar_subquery()


def _constant(value: Enum | bool | None) -> ColumnElement[Any]:
    plain = value.value if isinstance(value, Enum) else value
    return literal_column(str(literal(plain).compile(compile_kwargs={"literal_binds": True})))
