"""Statements with psycopg2's named placeholders, rewritten for preparing."""

from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple


class ShortSql(str):
    """SQL that reads few rows by an index, so that it may share a connection with others.

    Its parameters are numbers and texts.
    """

    __slots__ = ()


class PreparedSql(NamedTuple):
    """A statement with numbered placeholders. Its name is a hash of the text: equal names mean equal statements."""

    name: str
    text: str
    parameters: tuple[str, ...]
    """Names of the parameters, in the order of their numbers."""

    @property
    def prepare(self) -> str:
        """Return SQL that prepares the statement."""
        return f"PREPARE {self.name} AS {self.text}"

    @property
    def execute(self) -> str:
        """Return SQL that runs it, with psycopg2's placeholders."""
        values = ", ".join(f"%({item})s" for item in self.parameters)
        return f"EXECUTE {self.name} ({values})" if values else f"EXECUTE {self.name}"


@lru_cache(maxsize=256)
def prepared_sql(sql: str) -> PreparedSql:
    numbers = _PlaceholderNumbers()
    text, name = sql % numbers, f"s_{blake2b(sql.encode(), digest_size=12).hexdigest()}"
    return PreparedSql(name, text, tuple(numbers))


class _PlaceholderNumbers(dict[str, str]):
    """Mapping from named placeholders to numbered ones, in the order of their first use."""

    def __missing__(self, name: str) -> str:
        self[name] = f"${len(self) + 1}"
        return self[name]
