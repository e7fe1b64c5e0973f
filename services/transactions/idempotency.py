"""Takes away kept answers whose time is over."""

import asyncio
import logging

from sqlalchemy.orm import Session

from infrastructure.exceptions import DatabaseUnavailableError
from repositories.idempotency_repository import IdempotencyRepository
from services.app_context import AppContext
from services.transactions.unit_of_work import Transactions

logger = logging.getLogger(__name__)

BATCH = 1000
EVERY_SECONDS = 600


async def keep_removing_expired_keys(app_context: AppContext) -> None:
    """Never returns: a task of each worker. It begins at once, since a worker may not live for ten minutes."""
    while True:
        try:
            await remove_expired_keys(app_context)
        except DatabaseUnavailableError as error:
            logger.info("expired idempotency keys are removed later: %s", error)
        except Exception:
            logger.exception("expired idempotency keys could not be removed")
        await asyncio.sleep(EVERY_SECONDS)


async def remove_expired_keys(app_context: AppContext) -> int:
    """How many were removed: all, in transactions short enough that no request waits for one.

    Several workers may do it at once; each skips the rows that another has locked.
    """
    transactions, removed = Transactions(app_context, {}), 0
    while batch := await app_context.database.threads.run(lambda: transactions.run(_remove_some)):
        removed += batch
    if removed:
        logger.info("expired idempotency keys removed: %d", removed)
    return removed


def _remove_some(session: Session) -> int:
    return IdempotencyRepository(session).remove_expired(BATCH)
