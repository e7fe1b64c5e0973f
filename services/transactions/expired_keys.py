"""Periodic removal of expired idempotency keys."""

import logging
from functools import partial

from repositories.system.idempotency_repository import IdempotencyRepository
from services.context.app_context import AppContext
from services.context.request_context import INTERNAL
from services.transactions.unit_of_work import run_with_retries, unit_of_work

logger = logging.getLogger(__name__)

BATCH = 1000


async def remove_expired_keys(app: AppContext) -> int:
    """Remove all expired keys, in transactions so short that no request waits, and return their number.

    Several workers may run it at once: each skips the rows that another one has locked.
    """
    removed = 0
    while batch := await app.database.threads.run(partial(run_with_retries, partial(_remove_batch, app))):
        removed += batch
    if removed:
        logger.info("expired idempotency keys removed: %d", removed)
    return removed


def _remove_batch(app: AppContext) -> int:
    with unit_of_work(app, INTERNAL, {}) as tx:
        return IdempotencyRepository(tx.session).remove_expired(BATCH)
