"""Imports of products: all lines are checked first, and then written in the order of their keys. All or nothing."""

from typing import IO

from infrastructure.concurrency.fair_semaphore import FairSemaphore
from repositories.bulk.product_rows_repository import COLUMNS, ProductRowsRepository
from repositories.system.idempotency_repository import StoredResponse
from schemas.base_schema import to_json
from schemas.bulk.export_schema import ExportFormat
from schemas.bulk.product_import_schema import ImportQuery
from services.bulk.import_check import ROWS, ImportCheck, Progress
from services.bulk.staged_lines import StagedLines
from services.bulk.writing import retried_if_refused
from services.caching.entries import ALL_ROWS
from services.context.app_context import AppContext
from services.context.request_context import RequestContext
from services.product_service import ProductService
from services.rendering import ActionResult
from services.transactions.unit_of_work import RetryError, TransactionalService, in_worker_thread


class ProductImportService(TransactionalService):
    """`slot` admits one import of a worker at a time: it occupies a thread, and room for temporary files."""

    unique_messages = ProductService.unique_messages

    def __init__(self, app_context: AppContext) -> None:
        super().__init__(app_context)
        self.slot = FairSemaphore(1, app_context.settings.db_pool_timeout, "slot for an import")

    @in_worker_thread
    def load(
        self,
        context: RequestContext,
        file: IO[bytes],
        form: ExportFormat,
        query: ImportQuery,
        progress: Progress = lambda _step, _done: None,
    ) -> ActionResult | StoredResponse:
        """Import a file, and return the numbers of created, updated and unchanged products.

        Raises ImportRefusedError with the first errors. A dry run writes nothing, also no audit entry. Low stock is not
        logged; the event log has it.
        """
        with (
            self.unit_of_work(context._replace(audited=None) if query.dry_run else context) as tx,
            StagedLines() as lines,
        ):
            products = ProductRowsRepository(tx)
            if tx.replay:
                products.record_change(ALL_ROWS)
                return tx.replay
            check = ImportCheck(products, lines, sets_stock=query.set_stock)
            check.run(file, form, progress)
            if not query.dry_run:
                write(products, lines, check, progress, sets_stock=query.set_stock)
            tx.outcome = imported = ActionResult(to_json({**check.counts, "errors": []}))
            return imported


def write(
    products: ProductRowsRepository, lines: StagedLines, check: ImportCheck, progress: Progress, *, sets_stock: bool
) -> None:
    """Write the lines. Raises RetryError if what they refer to has changed since the check.

    Changed rows are locked from now on until the commit, so that sales wait for this step only.
    """
    names = tuple(name for name in COLUMNS if name in check.names and (sets_stock or name != "stock"))
    done = 0
    with retried_if_refused():
        for part in lines.known(ROWS):
            products.lock_rows(_joined(part))
            done += len(products.update_all(_joined(part), names, keeps_missing=True))
            progress("written", done)
        if done != check.counts["updated"]:
            raise RetryError
        for part in lines.new(ROWS):
            done += len(products.insert_all(_joined(part)))
            progress("written", done)
    if done:
        products.record_change(ALL_ROWS)


def _joined(bodies: list[str]) -> str:
    return f"[{','.join(bodies)}]"
