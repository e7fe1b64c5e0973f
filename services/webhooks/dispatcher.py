"""Sending of webhooks, as a task of each worker.

A worker claims endpoints with due deliveries and sends to each of them, one delivery after another. A claim is a row
with an end, so no connection of the database is held while a receiver answers, and the endpoints of a worker that dies
are free after CLAIM_SECONDS.
"""

import asyncio
import logging
import ssl
from contextlib import suppress
from datetime import timedelta
from functools import partial
from time import monotonic
from uuid import uuid4

import httpx2

from infrastructure.exceptions import RefusedError, UnavailableError
from infrastructure.observability.metrics import metrics
from infrastructure.outgoing_http import ForbiddenAddressError, OutgoingHttp
from infrastructure.postgres.pool import Row
from repositories.events.webhook_repository import CLAIM_SECONDS, DueDelivery, WebhookDeliveryRepository
from repositories.statements.statement import Statement
from schemas.base_schema import utc_now
from services.context.app_context import AppContext
from services.webhooks.messages import message_of

logger = logging.getLogger(__name__)

MAX_SENDERS = 20
STOP_SECONDS = 1.0
"""Time for the running deliveries of a worker that stops. Others are sent again by another worker."""
LATE_SECONDS = CLAIM_SECONDS / 4
"""Age of a claim at which nothing is sent with it: after a long pause of the process, another worker may send."""
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (1, 5, 30, 300, 1800, 3600))
GONE = 410


class WebhookDispatcher:
    """The sender of one worker."""

    def __init__(self, app: AppContext) -> None:
        self._writes, self._allow_private = app.database.writes, app.settings.webhook_allow_private
        self._worker = uuid4()
        self._senders: dict[int, asyncio.Task[None]] = {}
        self._tls: ssl.SSLContext | None = None
        self._is_stopping = False

    async def dispatch(self) -> None:
        """Start a sender for each endpoint with a due delivery that no worker has claimed."""
        if (slots := MAX_SENDERS - len(self._senders)) <= 0:
            return
        for (endpoint_id,) in await self._run(WebhookDeliveryRepository.claim(self._worker, slots)):
            if self._tls is None:  # takes tens of milliseconds
                self._tls = await asyncio.to_thread(ssl.create_default_context)
            sender = asyncio.create_task(self._send_to(endpoint_id, self._tls))
            self._senders[endpoint_id] = sender
            sender.add_done_callback(partial(self._forget, endpoint_id))

    async def stop(self) -> None:
        """Let running deliveries end for a moment, then cut them off, and leave the endpoints to other workers.

        Call it after the task of `dispatch` is cancelled.
        """
        self._is_stopping = True
        if self._tls is None:  # it has claimed no endpoint
            return
        if senders := list(self._senders.values()):
            _, cut_off = await asyncio.wait(senders, timeout=STOP_SECONDS)
            for sender in cut_off:
                sender.cancel()
            await asyncio.wait(senders)
        with suppress(TimeoutError, UnavailableError, RefusedError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._run(WebhookDeliveryRepository.release(self._worker))

    def _forget(self, endpoint_id: int, _: asyncio.Task[None]) -> None:
        del self._senders[endpoint_id]

    async def _send_to(self, endpoint_id: int, tls: ssl.SSLContext) -> None:
        """Send the due deliveries of an endpoint in their order, as long as its claim is ours."""
        try:
            async with OutgoingHttp(tls, allow_private=self._allow_private) as http:
                while not self._is_stopping and (delivery := await self._next(endpoint_id)):
                    await self._send(http, delivery)
            await self._run(WebhookDeliveryRepository.release(self._worker, endpoint_id))
        except (UnavailableError, RefusedError) as error:
            logger.debug("webhooks of endpoint %d are sent later: %s", endpoint_id, error)
        except Exception:
            logger.exception("webhooks of endpoint %d could not be sent", endpoint_id)

    async def _next(self, endpoint_id: int) -> DueDelivery | None:
        begun = monotonic()
        rows = await self._run(WebhookDeliveryRepository.next(self._worker, endpoint_id))
        return DueDelivery(*rows[0]) if rows and monotonic() - begun < LATE_SECONDS else None

    async def _send(self, http: OutgoingHttp, delivery: DueDelivery) -> None:
        """Make one attempt and record its result."""
        message, status, error = message_of(delivery, utc_now()), None, ""
        try:
            status = await http.post(delivery.url, message.body, message.headers)
            error = "" if 200 <= status < 300 else f"The response has the status {status}"
        except TimeoutError:
            error = "No response in time"
        except (ForbiddenAddressError, OSError, httpx2.HTTPError, httpx2.InvalidURL) as failure:
            error = f"{type(failure).__name__}: {failure}"
        if status is not None and not error:
            await self._run(WebhookDeliveryRepository.sent(delivery, status))
            metrics.webhook_sent()
            return
        metrics.webhook_attempt_failed()
        pause = PAUSES[min(delivery.attempts, len(PAUSES) - 1)]
        failed = WebhookDeliveryRepository.not_sent(delivery, error, status, pause, is_gone=status == GONE)
        result = await self._run(failed)
        if result == [("failed",)]:
            metrics.webhook_failed()
            ending = "its endpoint is gone and disabled" if status == GONE else "it has failed for a day"
            logger.warning("webhook delivery %d is given up: %s", delivery.id_key, ending)

    async def _run(self, statement: Statement) -> list[Row]:
        return await self._writes.write(*statement)
