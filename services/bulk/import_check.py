"""First step of an import: each line is validated, compared with the stored products, and kept."""

import io
from collections.abc import Callable, Iterable
from itertools import islice
from typing import IO, Any

from pydantic import ValidationError

from repositories.base_repository_impl import Record
from repositories.bulk.product_rows_repository import COLUMNS, Comparison, ProductRowsRepository
from schemas.base_schema import is_storable_key, to_json
from schemas.bulk.export_schema import ExportFormat
from schemas.bulk.product_import_schema import MAX_ERRORS, ProductLine, Step
from schemas.errors.validation_errors import public_error
from services.bulk.line_reader import FileLine, UnreadableFileError, read_csv, read_ndjson
from services.bulk.staged_lines import RepeatedError, StagedLines
from services.bulk.writing import to_text
from services.exceptions import ImportRefusedError

Progress = Callable[[Step, int], None]
"""Function that gets the name of a step and its state: bytes of the file that are checked, or products written."""

ROWS = 1000
"""Lines of one statement, which takes a fraction of `DB_STATEMENT_TIMEOUT`."""
MAX_PROBLEMS = 10  # of one line
READERS = {"csv": read_csv, "ndjson": read_ndjson}
TYPES: dict[str, Any] = {name: ProductLine.model_fields[name].annotation for name in ("id_key", *COLUMNS)}
TYPES["sku"] = str  # or null
IGNORED = frozenset({"created_at", "updated_at"})
REPEATED = "The product or its SKU is in an earlier line"


class ImportCheck:
    """`counts` are the numbers of lines by their effect. `names` are the columns that the file has values for."""

    def __init__(self, products: ProductRowsRepository, staged: StagedLines, *, sets_stock: bool) -> None:
        self._products, self._staged, self._sets_stock = products, staged, sets_stock
        self._errors: list[tuple[int, str]] = []
        self.names = set[str]()
        self.counts = {"created": 0, "updated": 0, "unchanged": 0}

    def run(self, file: IO[bytes], form: ExportFormat, progress: Progress) -> None:
        """Check all lines. Raises ImportRefusedError with the first errors."""
        file.seek(0)
        text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
        try:
            lines = self._readable(READERS[form](text, TYPES, IGNORED))
            while part := list(islice(lines, ROWS)):
                self._check(part)
                progress("checked", file.tell())
        finally:
            text.detach()
        if self._errors:
            first = sorted(self._errors)[:MAX_ERRORS]
            raise ImportRefusedError([{"line": line, "detail": detail} for line, detail in first])

    def _readable(self, lines: Iterable[FileLine]) -> Iterable[FileLine]:
        """Yield the lines up to the first one that cannot be read, or until there are enough errors."""
        try:
            for line in lines:
                if len(self._errors) >= MAX_ERRORS:
                    return
                yield line
        except UnreadableFileError as error:
            self._errors.append((error.line, error.detail))

    def _check(self, part: list[FileLine]) -> None:
        valid: dict[int, Record] = {}
        for line in part:
            given, problem = ({}, line.problem) if line.problem else validated(line.values)
            if problem:
                self._errors.append((line.number, problem))
            else:
                valid[line.number] = {**given, "line": line.number}
                self.names.update(given)
        for compared in self._products.compare(to_text(list(valid.values())), sets_stock=self._sets_stock):
            if problem := compared.problem or self._stage(compared, valid[compared.line]):
                self._errors.append((compared.line, problem))

    def _stage(self, compared: Comparison, row: Record) -> str:
        """Keep the line, and count it. Return a problem, or an empty text."""
        line, target, has_effect, _ = compared
        try:
            if has_effect and (sku := row.get("sku")):
                self._staged.add_sku(sku)
            if target is None:
                self._staged.add_new(line, to_json(row).decode())
            else:
                body = to_json({**row, "id_key": target}).decode() if has_effect else None
                self._staged.add_known(target, body)
        except RepeatedError:
            return REPEATED
        self.counts["created" if target is None else "updated" if has_effect else "unchanged"] += 1
        return ""


def validated(values: Record) -> tuple[Record, str]:
    """Return the given fields of a line, and its problems or an empty text."""
    try:
        given = ProductLine.model_validate(values).given()
    except ValidationError as error:
        errors = [public_error({**item}) for item in error.errors()[:MAX_PROBLEMS]]
        return {}, "; ".join(f"{'.'.join(map(str, item['loc'])) or 'line'}: {item['msg']}" for item in errors)
    for name, entity in (("id_key", "Product"), ("category_id", "Category")):
        if name in given and not is_storable_key(given[name]):
            return {}, f"{entity} with id {given[name]} not found"
    return given, ""
