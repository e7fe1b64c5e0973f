"""Periodic work on the audit log: entries about refusals, and seals."""

import logging
from functools import partial

from infrastructure.exceptions import UnavailableError
from infrastructure.observability.metrics import metrics
from repositories.system.audit_entry_repository import AuditEntryRepository
from services.context.app_context import AppContext
from services.context.request_context import INTERNAL
from services.transactions.unit_of_work import run_with_retries, unit_of_work

logger = logging.getLogger(__name__)


async def audit(app: AppContext) -> None:
    """Write refusals and seal new entries."""
    await write_refusals(app)
    await seal_entries(app)


async def write_refusals(app: AppContext) -> None:
    """Write the refusals since the last call. Without a database they are lost, and a metric counts them."""
    if not (entries := app.refusals.take()):
        return
    try:
        await app.database.writes.write(*AuditEntryRepository.add_refusals(entries))
    except Exception as error:
        metrics.refusals_not_audited(sum(entry["times"] for entry in entries))
        if isinstance(error, UnavailableError):
            logger.info("refusals are not in the audit log: %s", error)
        else:
            logger.exception("refusals are not in the audit log")


async def seal_entries(app: AppContext) -> int:
    """Seal all entries whose transactions have ended, batch by batch, and return the number of batches.

    Several workers may try at once: only one seals.
    """
    batches = 0
    while await app.database.threads.run(partial(run_with_retries, partial(_seal_batch, app))):
        batches += 1
    return batches


def _seal_batch(app: AppContext) -> bool:
    with unit_of_work(app, INTERNAL, {}) as tx:
        row = AuditEntryRepository(tx).seal()
    if row is None:
        return False
    # With this line in another system, nobody can replace the last seals unnoticed.
    logger.info("audit batch %d sealed: %d entries up to %d, seal %s", row.number, row.entries, row.last_id, row.seal)
    return True
