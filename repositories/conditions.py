"""Filters as SQL: how each operator compares a column with a parameter, and what of a search an index can find."""

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, bindparam, func, literal_column, or_, select

from models.base_model import BaseModel
from schemas.list_query import Operator, Where

RANGES: frozenset[Operator] = frozenset((">=", "<="))

_COMPARISONS: dict[Operator, Callable[[Any, Any], Any]] = {
    "=": lambda column, value: column == value,
    ">=": lambda column, value: column >= value,
    "<=": lambda column, value: column <= value,
    "contains": lambda column, value: func.strpos(func.lower(column), _lowered(value)) > literal_column("0"),
    "lower=": lambda column, value: func.lower(column) == func.lower(value),
    "positive": lambda column, value: (column > literal_column("0")) == value,
}
# Without letters whose lower case hangs on their neighbours: a part of a text would have another than the whole.
_WORDS = re.compile(r"[^\W_Σςİ]{3,}")


def condition(model: type[BaseModel], where: Where, name: str) -> ColumnElement[bool]:
    """What the filter `name` means; its value is the parameter of that name."""
    return _any_column(model, where, bindparam(name))


def trigram_condition(model: type[BaseModel], where: Where, name: str) -> ColumnElement[bool]:
    """What an index of trigrams finds of a search: all that the search means, and little else."""
    pattern: BindParameter[str] = bindparam(trigram_parameter(name))
    return or_(*(func.lower(getattr(model, column)).like(_lowered(pattern)) for column in where.columns))


def trigram_parameter(name: str) -> str:
    return f"{name}_trigrams"


def trigram_pattern(text: str) -> str | None:
    """A pattern of LIKE that every text meets which contains this one; None where it has no three letters in a row.

    The index reads a list of rows for each trigram. Of "johnson ukulele" those are 13 lists of 10,000 rows in a shop of
    a million products; "%joh%uku%" takes a quarter of the time, and hardly any other name meets it. So a pattern has
    the first three letters of each word, and of a word by itself the last three as well.
    """
    words = _WORDS.findall(text)
    if not words:
        return None
    [first, *others] = words
    ends = [first] if len(first) < 6 else [first[:3], first[-3:]]
    return "%".join(("", *([word[:3] for word in words] if others else ends), ""))


def _lowered(value: BindParameter[Any]) -> ColumnElement[Any]:
    """Once for the statement; `lower(value)` by itself would be called for each row when the statement is prepared."""
    return select(func.lower(value)).scalar_subquery()


def _any_column(model: type[BaseModel], where: Where, value: BindParameter[Any]) -> ColumnElement[bool]:
    compare = _COMPARISONS[where.operator]
    return or_(*(compare(getattr(model, column), value) for column in where.columns))
