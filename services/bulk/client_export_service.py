"""Export of everything that is stored about a client.

The document is complete before its first byte is sent: a slow reader keeps neither a connection nor a snapshot, and a
failure is a 503, never half a document.
"""

from contextlib import ExitStack
from functools import partial

from infrastructure.concurrency.fair_semaphore import FairSemaphore
from infrastructure.exceptions import DatabaseUnavailableError, RefusedError
from infrastructure.postgres.pool import AsyncPool
from schemas.base_schema import is_storable_key
from services.bulk.client_snapshot import ClientSnapshot, not_found
from services.bulk.spooled_json import SpooledJson
from services.context.app_context import AppContext
from services.context.request_context import RequestContext

SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class ClientExportService:
    """A worker makes one export at a time, so that exports occupy one connection for reads at the most."""

    def __init__(self, app_context: AppContext) -> None:
        self._app_context = app_context
        self._slot = FairSemaphore(1, app_context.settings.db_pool_timeout, "slot for an export")

    async def export(self, context: RequestContext, id_key: int) -> SpooledJson:
        """Return the document, for the caller to close. Raises NotFoundError, DatabaseUnavailableError."""
        if not is_storable_key(id_key):
            raise not_found(id_key)
        await self._slot.acquire()
        write = partial(self._write, context, id_key)
        try:
            return await (context.reads.run(write) if context.reads else write(self._app_context.database.reads))
        except RefusedError as error:  # the connection was lost
            raise DatabaseUnavailableError(str(error)) from error
        finally:
            self._slot.release()

    @staticmethod
    async def _write(context: RequestContext, id_key: int, reads: AsyncPool) -> SpooledJson:
        with ExitStack() as on_failure:
            document = on_failure.enter_context(SpooledJson())
            async with reads.transaction(SNAPSHOT) as transaction:
                await ClientSnapshot(transaction, id_key).write(context, document)
            on_failure.pop_all()
            return document
