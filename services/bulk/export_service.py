"""Exports of whole resources: one snapshot, read through a cursor as fast as the caller takes it."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from infrastructure.exceptions import DatabaseUnavailableError, RefusedError
from infrastructure.postgres.connection import Row
from repositories.statements.export import LINE_END, export_statement, fetch_statement
from schemas.base_schema import to_json
from schemas.bulk.export_schema import ExportFormat
from schemas.list_query import ListQuery
from services.base_service_impl import BaseService
from services.context.request_context import RequestContext
from services.rendering import rows_to_dicts

ROWS: dict[ExportFormat, int] = {"csv": 1000, "ndjson": 500}
"""Rows of one part. The event loop works on a part for up to 3 ms: lines of CSV are texts already, objects are not."""


class ExportService:
    """The export of one entity. A worker makes one at a time, which occupies one connection for reads."""

    def __init__(self, service: BaseService[Any, Any, Any, Any]) -> None:
        self._service, self._app_context = service, service.app_context

    async def parts(self, context: RequestContext, query: ListQuery, form: ExportFormat) -> AsyncIterator[bytes]:
        """Yield the document in parts. The next rows are read when the next part is asked for.

        Raises DatabaseUnavailableError if another export does not end in time, or if the connection is lost.
        """
        database, as_csv = self._app_context.database, form == "csv"
        fields = self._service.fields_of(query.include)
        opening = export_statement(self._service.repository.model, query, fields, as_csv=as_csv)
        fetching = fetch_statement(ROWS[form])
        try:
            async with database.export_slot, database.exports.transaction(self._begin()) as transaction:
                await transaction.run(*opening)
                rows = await transaction.run(*fetching)
                header = (",".join(fields) + LINE_END).encode() if as_csv else b""
                yield header + (_lines(rows) if as_csv else self._objects(fields, rows))
                while len(rows) == ROWS[form]:
                    rows = await transaction.run(*fetching)
                    yield _lines(rows) if as_csv else self._objects(fields, rows)
        except RefusedError as error:  # the connection was lost
            raise DatabaseUnavailableError(str(error)) from error

    def _begin(self) -> str:
        """Return the SQL that begins the snapshot. The connection idles while the caller takes a part."""
        idle_ms = int(self._app_context.settings.export_timeout * 1000)
        return (
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
            f"SET LOCAL idle_in_transaction_session_timeout = {idle_ms}"
        )

    def _objects(self, fields: Sequence[str], rows: Sequence[Row]) -> bytes:
        return b"".join([b"%b\n" % to_json(record) for record in self._service.shown(rows_to_dicts(fields, rows))])


def _lines(rows: Sequence[Row]) -> bytes:
    return "".join([line for (line,) in rows]).encode()
