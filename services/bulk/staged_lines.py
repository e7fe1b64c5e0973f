"""Store for the lines of an import while the rest of the file is checked.

It is an SQLite database, because the service's role may not make temporary tables in PostgreSQL.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from infrastructure.exceptions import UnavailableError

_TABLES = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE known (id_key INTEGER PRIMARY KEY, body TEXT);
    CREATE TABLE new (line INTEGER PRIMARY KEY, body TEXT NOT NULL);
    CREATE TABLE skus (sku TEXT PRIMARY KEY) WITHOUT ROWID;
    BEGIN;
"""
_KNOWN = "SELECT body FROM known WHERE body IS NOT NULL ORDER BY id_key"
_NEW = "SELECT body FROM new ORDER BY line"


class RepeatedError(Exception):
    """An earlier line is about the same product, or gives a product the same SKU."""


class StagedLines:
    """Unnamed database in the folder for temporary files. Closing it removes it.

    Raises UnavailableError if the folder is full.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(_TABLES)

    def add_known(self, id_key: int, body: str | None) -> None:
        """Keep the line of a product; without a body it changes nothing. Raises RepeatedError."""
        self._insert("INSERT INTO known VALUES (?, ?)", id_key, body)

    def add_new(self, line: int, body: str) -> None:
        self._insert("INSERT INTO new VALUES (?, ?)", line, body)

    def add_sku(self, sku: str) -> None:
        """Keep a SKU that a product gets. Raises RepeatedError."""
        self._insert("INSERT INTO skus VALUES (?)", sku)

    def known(self, size: int) -> Iterator[list[str]]:
        """Yield the bodies of changed products, in the order of their keys and in parts of this size."""
        return self._parts(_KNOWN, size)

    def new(self, size: int) -> Iterator[list[str]]:
        """Yield the bodies of new products, in the order of their lines and in parts of this size."""
        return self._parts(_NEW, size)

    def _insert(self, sql: str, *values: int | str | None) -> None:
        try:
            self._database.execute(sql, values)
        except sqlite3.IntegrityError as error:
            raise RepeatedError from error
        except sqlite3.OperationalError as error:
            raise UnavailableError(f"lines of an import cannot be kept: {error}") from error

    def _parts(self, sql: str, size: int) -> Iterator[list[str]]:
        cursor: Any = self._database.execute(sql)
        while part := cursor.fetchmany(size):
            yield [body for (body,) in part]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        with suppress(sqlite3.Error):
            self._database.close()
