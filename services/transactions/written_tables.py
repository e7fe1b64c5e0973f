"""Tables that a statement changes, as far as SQLAlchemy knows: constructs, common table expressions and raw SQL."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Delete, TextClause, UpdateBase
from sqlalchemy.sql.visitors import iterate

from config.database import base

_writes = re.compile(r"\b(?:insert|update|delete|merge|truncate)\b", re.IGNORECASE).search


def written_tables(statement: Any) -> Iterator[str]:
    """Yield the tables that the statement writes, those that the database changes with them included.

    Of raw SQL that writes, these are all tables that it names. More than it writes only cost cache entries.
    """
    for element in iterate(statement):
        if isinstance(element, UpdateBase):
            table: Any = element.table
            yield table.name
            if isinstance(element, Delete):
                yield from cascades_from(table.name)
        elif isinstance(element, TextClause) and _writes(element.text):
            for name in base.metadata.tables.keys() & set(re.findall(r"\w+", element.text.lower())):
                yield name
                yield from cascades_from(name)


@cache
def cascades_from(table: str) -> frozenset[str]:
    """Return the tables whose rows the database may change when it deletes rows of `table`."""
    found, deleted = set[str](), [table]
    for parent in deleted:
        for other in base.metadata.tables.values():
            if other.name not in found and any(
                key.ondelete and key.column.table.name == parent for key in other.foreign_keys
            ):
                found.add(other.name)
                deleted.append(other.name)
    return frozenset(found)
