"""Filters as SQL: the comparison of each operator, and the part of a search that an index finds."""

import re
from collections.abc import Callable
from enum import Enum
from functools import cache
from typing import Any, NamedTuple, Self, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    SQLColumnExpression,
    String,
    Table,
    and_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)

from models.base_model import USES_PER_ENTRY, BaseModel
from schemas.list_query import Operator, Where

_COMPARISONS: dict[Operator, Callable[[Any, Any], Any]] = {
    "=": lambda column, value: column == value,
    ">=": lambda column, value: column >= value,
    "<=": lambda column, value: column <= value,
    "fold=": lambda column, value: func.fold_case(column) == func.fold_case(value),
    "positive": lambda column, value: (column > literal_column("0")) == value,
    "present": lambda column, value: column.is_not(None) == value,
}
_has_trigram = re.compile(r"[^\W_]{3}").search
INDEXED_WORDS = 2
_MOST_ENTRIES: ColumnElement[int] = literal_column("5000")
_MOST_COMPARISONS: ColumnElement[int] = literal_column("20000000")


class Filter(NamedTuple):
    name: str
    where: Where
    value: Enum | bool | None
    """A value from a small set is a part of the SQL: the planner then knows how rare it is. None means a parameter."""
    words: int
    """The number of words to find; 0 for other filters."""
    indexed: tuple[int, ...]
    """Places of the longest words with three letters in a row: an index is asked for these."""

    @classmethod
    def of(cls, name: str, where: Where, value: Any) -> Self:
        words = value.split() if where.operator == "words" else []
        long = [place for place, word in enumerate(words) if _has_trigram(word)]
        indexed = sorted(long, key=lambda place: -len(words[place]))[:INDEXED_WORDS]
        return cls(name, where, value if isinstance(value, (Enum, bool)) else None, len(words), tuple(sorted(indexed)))

    def parameters(self, value: Any) -> dict[str, Any]:
        """Return the parameters of `condition`."""
        words = value.split() if self.words else ()
        return {f"{self.name}_{place}": word for place, word in enumerate(words)} or {self.name: value}


def condition(model: type[BaseModel], of: Filter) -> ColumnElement[bool]:
    """Return the meaning of the filter. A value outside the filter is a parameter."""
    column: ColumnElement[Any] = getattr(model, of.where.column)
    if of.words:
        return and_(*(func.strpos(column, _folded(of, place)) > literal_column("0") for place in range(of.words)))
    return cast("ColumnElement[bool]", _COMPARISONS[of.where.operator](column, _value(model, of)))


def archive_condition(model: Any, is_archived: bool | None) -> list[ColumnElement[bool]]:
    """Return a list with the condition that rows are archived, or are not; an empty list for None."""
    if is_archived is None:
        return []
    return [model.archived if is_archived else ~model.archived]


def after_key(key: SQLColumnExpression[Any], *, is_backwards: bool) -> ColumnElement[bool]:
    """Return the condition of the rows that follow the key `after_id` in the order of the page."""
    return key < bindparam("after_id") if is_backwards else key > bindparam("after_id")


def as_range(model: type[BaseModel], of: Filter, *, is_after: bool, is_backwards: bool) -> ColumnElement[bool]:
    """Return an equality as a range of one value. It begins after the key `after_id` if `is_after`.

    The planner drops a column that equals a constant from an order. A range keeps it, so the order needs its index. A
    pair of value and key is one place of the index, so the page starts there, however deep. PostgreSQL would rather
    start at a bound of the value alone, so the range has only the one at its other end.
    """
    column, value = getattr(model, of.where.column), _value(model, of)
    if not is_after:
        return and_(column >= value, column <= value)
    pair, after = tuple_(column, model.id_key), tuple_(value, bindparam("after_id"))
    return and_(pair < after, column >= value) if is_backwards else and_(pair > after, column <= value)


def indexed_condition(model: type[BaseModel], of: Filter) -> ColumnElement[bool]:
    """Return a condition that an index finds: all matches of a search meet it, and few other rows.

    An index of trigrams reads the rows of each one, so it is asked for the first three letters of each word, or for
    five of a single word. An index of words is asked for those that contain the sought one.
    """
    column = getattr(model, of.where.column)
    if model.words is None:
        at_most = "5" if of.words == 1 else "3"
        return and_(*(column.like(_pattern(of, place, at_most)) for place in of.indexed))
    words = func.string_to_array(literal_column("' '") + column, literal_column("' '"))
    return and_(*(words.op("&&")(_known_words(model.words, of, place)) for place in of.indexed))


@cache
def _known_words(table: Table, of: Filter, place: int) -> ColumnElement[Any]:
    """Return the words that contain the sought one, or the empty word, which every row has, if comparing takes long.

    The index compares each row of these words with each word.
    """
    found = select(table.c.word).where(table.c.word.like(_pattern(of, place))).limit(_MOST_ENTRIES).subquery()
    words, entries = func.count(found.c.word.distinct()), func.count()
    uses = words + literal_column(f"{USES_PER_ENTRY:d}") * (entries - words)
    is_fast = and_(entries < _MOST_ENTRIES, words * uses < _MOST_COMPARISONS)
    asked = case((is_fast, func.array_agg(found.c.word.distinct())), else_=literal_column("ARRAY['']"))
    return select(asked.label("words")).cte(f"{of.name}_{place}_words").select().scalar_subquery()


def _pattern(of: Filter, place: int, at_most: str = "") -> ColumnElement[str]:
    """Return the pattern of the first three letters in a row of the folded word, or of more of them."""
    any_text, letters = literal_column("'%'", String), literal_column(f"'[[:alnum:]]{{3,{at_most}}}'", String)
    return select(func.concat(any_text, func.substring(_folded(of, place), letters), any_text)).scalar_subquery()


@cache
def _folded(of: Filter, place: int) -> ColumnElement[str]:
    """Return the folded word. As a common table expression it is folded once for all strategies of a search."""
    name = f"{of.name}_{place}"
    folded = select(func.fold_search(bindparam(name)).label("word")).cte(f"{name}_folded")
    return folded.select().scalar_subquery()


def _value(model: type[BaseModel], of: Filter) -> ColumnElement[Any]:
    """Return the value or its parameter. A GIN index has no operator between its 64-bit column and a 32-bit number."""
    if of.value is not None:
        return _constant(of.value)
    value: ColumnElement[Any] = bindparam(of.name)
    return value.cast(BigInteger) if isinstance(getattr(model, of.where.column).type, BigInteger) else value


def _constant(value: Enum | bool) -> ColumnElement[Any]:
    plain = value.value if isinstance(value, Enum) else value
    return literal_column(str(literal(plain).compile(compile_kwargs={"literal_binds": True})))
