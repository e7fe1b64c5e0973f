"""Lines of files for imports, with their numbers: CSV or NDJSON, of any size."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple, TextIO

from schemas.base_schema import from_json

MAX_LINE_CHARS = 131_072
"""Bound of a line, and csv's own bound of a cell. Without one, a file without line ends fills the memory."""
MAX_RECORD_LINES = 1000
"""Bound of the lines of one record of CSV, whose cells may contain line ends."""

Convert = Callable[[str], Any]

_is_number = re.compile(r"-?\d{1,30}(\.\d{1,30})?", re.ASCII).fullmatch
_is_integer = re.compile(r"-?\d{1,30}", re.ASCII).fullmatch
_is_protected = re.compile("'+[=+@-]").match


class FileLine(NamedTuple):
    """A line with its values by name, or the reason why it has none."""

    number: int
    values: dict[str, Any]
    problem: str = ""


class UnreadableFileError(Exception):
    """The rest of the file cannot be read."""

    def __init__(self, line: int, detail: str) -> None:
        super().__init__(detail)
        self.line, self.detail = line, detail


def read_csv(text: TextIO, columns: Mapping[str, type], ignored: frozenset[str]) -> Iterator[FileLine]:
    """Yield the lines below the header. A blank cell gives no value, and a line without values is left out.

    `columns` are the types of all columns that a file may have, besides `ignored` ones. Values that are no text of
    their type stay texts, for validation to refuse. Raises UnreadableFileError.
    """
    records = _Records(text)
    header = next(records, None)
    if header is None or not header.cells:
        raise UnreadableFileError(1, "The header is missing")
    names = [name.strip() for name in header.cells]
    cells_of = _readers(names, columns, ignored)
    for number, cells in records:
        if len(cells) > len(names):
            yield FileLine(number, {}, f"The line has {len(cells)} cells, the header {len(names)}")
            continue
        found = {name: convert(cells[place]) for place, name, convert in cells_of if place < len(cells)}
        if values := {name: value for name, value in found.items() if value is not None}:
            yield FileLine(number, values)


def read_ndjson(text: TextIO, columns: Mapping[str, type], ignored: frozenset[str]) -> Iterator[FileLine]:
    """Yield the lines that are not blank. `null` gives no value. Raises UnreadableFileError for a line without end."""
    for number, line in enumerate(_bounded_lines(text), 1):
        if not line.strip():
            continue
        try:
            value = from_json(line)
        except (ValueError, RecursionError, ArithmeticError):
            yield FileLine(number, {}, "The line is not JSON")
            continue
        if not isinstance(value, dict):
            yield FileLine(number, {}, "The line is not a JSON object")
            continue
        yield FileLine(number, {name: item for name, item in value.items() if item is not None and name not in ignored})


class _Record(NamedTuple):
    number: int
    cells: list[str]


class _Records(Iterator[_Record]):
    """The records of a CSV file, each with the number of its first line."""

    def __init__(self, text: TextIO) -> None:
        self._first = 1
        self._reader = csv.reader(self._lines(text), strict=True)

    def __next__(self) -> _Record:
        self._first = self._reader.line_num + 1
        try:
            return _Record(self._first, next(self._reader))
        except csv.Error as error:
            raise UnreadableFileError(self._first, f"The line is not CSV: {error}") from error

    def _lines(self, text: TextIO) -> Iterator[str]:
        for number, line in enumerate(_bounded_lines(text), 1):
            if number >= self._first + MAX_RECORD_LINES:
                raise UnreadableFileError(self._first, "A quotation mark is not closed")
            yield line


def _bounded_lines(text: TextIO) -> Iterator[str]:
    number = 0
    while line := text.readline(MAX_LINE_CHARS):
        number += 1
        if len(line) == MAX_LINE_CHARS:
            raise UnreadableFileError(number, f"The line has {MAX_LINE_CHARS} characters or more")
        yield line


def _readers(header: list[str], columns: Mapping[str, type], ignored: frozenset[str]) -> list[tuple[int, str, Convert]]:
    """Return place, name and conversion of each column. Raises UnreadableFileError for unknown and double ones."""
    for name in header:
        if name not in columns and name not in ignored:
            shown = name[:100].encode(errors="replace").decode()
            raise UnreadableFileError(1, f"Unknown column: {shown}. Known are: {', '.join(columns)}")
        if header.count(name) > 1:
            raise UnreadableFileError(1, f"The column {name} occurs twice")
    return [(place, name, _CONVERSIONS[columns[name]]) for place, name in enumerate(header) if name not in ignored]


def _text(cell: str) -> str | None:
    """Return the text without the apostrophe that an export puts before formulas."""
    if cell.startswith("'") and _is_protected(cell):
        return cell[1:]
    return cell if cell and not cell.isspace() else None


def _integer(cell: str) -> int | str | None:
    cell = cell.strip()
    return int(cell) if _is_integer(cell) else cell or None


def _number(cell: str) -> Decimal | str | None:
    cell = cell.strip()
    return Decimal(cell) if _is_number(cell) else cell or None


def _boolean(cell: str) -> bool | str | None:
    """Return the truth value. Spreadsheets write it in capitals."""
    cell = cell.strip().lower()
    return {"true": True, "false": False}.get(cell, cell or None)


_CONVERSIONS: dict[type, Convert] = {str: _text, int: _integer, Decimal: _number, bool: _boolean}
