"""Periodic removal of expired idempotency keys."""

import asyncio
import logging
from functools import partial

from infrastructure.exceptions import DatabaseUnavailableError
from repositories.idempotency_repository import IdempotencyRepository
from services.app_context import AppContext
from services.request_context import INTERNAL
from services.transactions.unit_of_work import run_with_retries, unit_of_work

logger = logging.getLogger(__name__)

BATCH = 1000
INTERVAL_SECONDS = 600


async def keep_removing_expired_keys(app: AppContext) -> None:
    """Run forever, as a task of each worker. It starts at once, since a worker may live less than ten minutes."""
    while True:
        try:
            await remove_expired_keys(app)
        except DatabaseUnavailableError as error:
            logger.info("expired idempotency keys are removed later: %s", error)
        except Exception:
            logger.exception("expired idempotency keys could not be removed")
        await asyncio.sleep(INTERVAL_SECONDS)


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
