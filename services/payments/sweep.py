"""Periodic settlement of payments that are left open: their worker has died, or their provider did not answer."""

import asyncio
import logging

from infrastructure.exceptions import UnavailableError
from repositories.payments.payment_repository import PaymentRepository
from services.context.app_context import AppContext
from services.payments.settlement import Settlement

logger = logging.getLogger(__name__)

BATCH = 10


async def settle_all_due(app: AppContext) -> None:
    """Settle everything that is due. A backlog after an outage does not wait for the next looks."""
    while await settle_due(app) == BATCH:
        pass


async def settle_due(app: AppContext, limit: int = BATCH) -> int:
    """Settle up to `limit` payments that are due, at the same time, and return their number.

    A payment is claimed before it is settled, so workers and instances share the work.
    """
    rows = await app.database.reads.fetch(*PaymentRepository.due(limit))
    return sum(await asyncio.gather(*(_settle(app, id_key) for (id_key,) in rows)))


async def _settle(app: AppContext, id_key: int) -> bool:
    """Settle one payment. An error concerns this payment only."""
    settlement = Settlement(app)
    try:
        payment = await settlement.records.claim(id_key)
        if payment is not None:
            await settlement.resume(payment)
    except UnavailableError:
        raise
    except Exception:
        logger.exception("payment %d could not be settled", id_key)
        return False
    return payment is not None
