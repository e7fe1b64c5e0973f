"""Work that each worker does again and again beside its requests."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

from infrastructure.exceptions import RefusedError, UnavailableError
from services.context.app_context import AppContext
from services.payments.order_hold import OrderHold
from services.payments.sweep import settle_all_due
from services.system.partition_upkeep import add_partitions
from services.transactions.audit_upkeep import audit
from services.transactions.event_log import publish_events, remove_old_events
from services.transactions.expired_keys import remove_expired_keys
from services.webhooks.dispatcher import WebhookDispatcher

logger = logging.getLogger(__name__)

EVENT_SECONDS = 1.0


class PeriodicWork(NamedTuple):
    name: str
    seconds: float
    do: Callable[[], Awaitable[object]]
    is_done_at_start: bool = False


def periodic_work(app: AppContext, dispatcher: WebhookDispatcher) -> list[PeriodicWork]:
    """List all periodic work. Workers do it at the same time, so each piece locks or claims what it changes."""
    settings = app.settings
    work = [
        PeriodicWork("watch for another database server", 1, app.watch.check, is_done_at_start=True),
        PeriodicWork("drop what writes in doubt may have changed", 1, app.in_doubt.drop),
        PeriodicWork("publish events", EVENT_SECONDS, partial(publish_events, app.database, settings)),
        PeriodicWork("send webhooks", EVENT_SECONDS, dispatcher.dispatch),
        PeriodicWork("cancel unpaid orders", 15, OrderHold(app).check),
        PeriodicWork("settle open payments", settings.payment_sweep_interval, partial(settle_all_due, app)),
        PeriodicWork("remove expired idempotency keys", 600, partial(remove_expired_keys, app)),
        # 10 million keys are left when a partition is added: enough for 16,000 rows a second.
        PeriodicWork("add partitions ahead of need", 600, partial(add_partitions, app)),
        PeriodicWork("remove old events", 3600, partial(remove_old_events, app.database, settings)),
    ]
    if settings.audits:
        work.append(PeriodicWork("write and seal the audit log", settings.audit_interval, partial(audit, app)))
    return work


async def keep_doing(work: PeriodicWork) -> None:
    """Do the work at once, as a worker may live shorter than a period, and then every `seconds`, whatever fails."""
    if work.is_done_at_start:
        await asyncio.sleep(work.seconds)
    while True:
        await attempt(work)
        await asyncio.sleep(work.seconds)


async def attempt(work: PeriodicWork) -> None:
    """Do the work once. An outage is logged where it is noticed, so it is no error here."""
    try:
        await work.do()
    except (UnavailableError, RefusedError) as error:
        logger.debug("%s: later, since %s", work.name, error)
    except Exception:
        logger.exception("%s: failed", work.name)
