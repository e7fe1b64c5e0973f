"""Periodic settlement of payments that are left open: their worker has died, or their provider did not answer."""

import asyncio
import logging

from infrastructure.exceptions import UnavailableError
from repositories.payment_repository import PaymentRepository
from services.app_context import AppContext
from services.payments.settlement import Settlement

logger = logging.getLogger(__name__)

BATCH = 10


async def keep_settling(app: AppContext) -> None:
    """Run every PAYMENT_SWEEP_INTERVAL seconds, as a task of each worker.

    A payment is claimed before it is settled, so workers and instances share the work.
    """
    while True:
        await asyncio.sleep(app.settings.payment_sweep_interval)
        try:
            await settle_due(app)
        except UnavailableError as error:
            logger.info("open payments are settled later: %s", error)
        except Exception:
            logger.exception("open payments could not be settled")


async def settle_due(app: AppContext, limit: int = BATCH) -> int:
    """Settle up to `limit` payments that are due, at the same time, and return their number."""
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
