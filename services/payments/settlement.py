"""Settlement of payments: the provider is asked outside of transactions, and its answer recorded in one.

A worker reserves a payment for LEASE_SECONDS before it asks. If the worker dies, the next one asks the provider for the
state of the payment first, and repeats operations with their keys.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic

from infrastructure.observability.metrics import metrics
from infrastructure.payments.provider import (
    PaymentProvider,
    ProviderRefusedError,
    ProviderState,
    ProviderStatus,
    ProviderUnavailableError,
)
from models.enums import OperationKind, PaymentStatus
from repositories.payments.payment_repository import PaymentRepository
from services.context.app_context import AppContext
from services.payments.open_payment import OpenPayment, PendingOperation
from services.payments.recording import LEASE_SECONDS
from services.payments.records import PaymentRecords

logger = logging.getLogger(__name__)

WAIT_SECONDS = 2 * LEASE_SECONDS
"""Longest wait for another worker: its lease, and one answer of the provider."""
POLL_SECONDS = 0.2


class Settlement:
    def __init__(self, app_context: AppContext) -> None:
        self.app_context, self.records = app_context, PaymentRecords(app_context)

    async def authorize(self, payment: OpenPayment, token: str | None) -> str | None:
        """Ask for a payment whose intent this worker has just committed, and return its client secret, if it has one.

        An outage of the provider is no error: the payment stays pending.
        """
        async with self._provider_of(payment) as provider:
            try:
                state = await provider.authorize(
                    payment.at_provider, token, partial(self.records.remember, payment.id_key)
                )
            except ProviderRefusedError as error:
                logger.info("payment %d is refused: %s", payment.id_key, error)
                state = ProviderState(ProviderStatus.DECLINED)
            await self._record_and_send(provider, payment.id_key, state, awaits=state.status is ProviderStatus.OPEN)
            return state.client_secret
        return None

    async def send(self, payment: OpenPayment) -> None:
        """Ask for operations whose intents this worker has just committed."""
        async with self._provider_of(payment) as provider:
            await self._send_operations(provider, payment)

    async def settle(self, id_key: int) -> str | None:
        """Wait until the payment is settled, or settle it if its worker has died. Return its client secret, if any."""
        deadline = monotonic() + WAIT_SECONDS
        while monotonic() < deadline and not await self._is_settled(id_key):
            if payment := await self.records.claim(id_key):
                return await self.resume(payment)
            await asyncio.sleep(POLL_SECONDS)
        return None

    async def settle_all(self, id_keys: Iterable[int]) -> None:
        """Settle payments whose operations have just been committed, as `refund_order` does."""
        for id_key in id_keys:
            await self.settle(id_key)

    async def resume(self, payment: OpenPayment) -> str | None:
        """Ask the provider for the state of a claimed payment, end it if it is abandoned, and repeat its operations."""
        async with self._provider_of(payment) as provider:
            state = await provider.fetch(payment.at_provider)
            if payment.status is PaymentStatus.PENDING:
                state = await self._resume_authorization(provider, payment, state)
            await self._record_and_send(provider, payment.id_key, state)
            return state.client_secret
        return None

    async def refresh(self, payment: OpenPayment) -> None:
        """Record the current state of a payment after a hint of its provider. Raises ProviderUnavailableError."""
        if payment.at_provider.reference is not None:
            state = await self._configured(payment.provider).fetch(payment.at_provider)
            await self.records.record(payment.id_key, state)

    async def _resume_authorization(
        self, provider: PaymentProvider, payment: OpenPayment, state: ProviderState
    ) -> ProviderState:
        """Ask again for a payment that only its customer can complete. Cancel others that are not completed."""
        if not payment.is_abandoned:
            is_absent = state.status is ProviderStatus.ABSENT
            remember = partial(self.records.remember, payment.id_key)
            return await provider.authorize(payment.at_provider, None, remember) if is_absent else state
        is_open = state.status is ProviderStatus.OPEN
        if not is_open and not (payment.awaits_customer and state.status is ProviderStatus.DECLINED):
            return state
        try:
            return await provider.cancel(payment.at_provider, f"{payment.at_provider.key}-cancel")
        except ProviderRefusedError:
            return await provider.fetch(payment.at_provider)

    async def _record_and_send(
        self, provider: PaymentProvider, id_key: int, state: ProviderState, *, awaits: bool = False
    ) -> None:
        await self._send_operations(provider, await self.records.record(id_key, state, awaits=awaits))

    async def _send_operations(self, provider: PaymentProvider, payment: OpenPayment) -> None:
        """Send each pending operation once, those included that follow from an answer."""
        sent = set[str]()
        while operation := next((one for one in payment.operations if one.key not in sent), None):
            sent.add(operation.key)
            refused = None
            try:
                state = await _send(provider, payment, operation)
            except ProviderRefusedError as error:
                logger.warning("payment %d: its %s is refused: %s", payment.id_key, operation.kind, error)
                state, refused = await provider.fetch(payment.at_provider), operation.key
            payment = await self.records.record(payment.id_key, state, refused=refused)

    @asynccontextmanager
    async def _provider_of(self, payment: OpenPayment) -> AsyncIterator[PaymentProvider]:
        """Yield the payment's provider. Its outage ends the block: the sweep asks again when the lease is over."""
        try:
            yield self._configured(payment.provider)
        except ProviderUnavailableError as error:
            metrics.provider_unavailable()
            logger.warning("payment %d stays open, because its provider does not answer: %s", payment.id_key, error)

    def _configured(self, name: str) -> PaymentProvider:
        if (provider := self.app_context.providers.get(name)) is None:
            raise ProviderUnavailableError(f"{name} is not configured any more")
        return provider

    async def _is_settled(self, id_key: int) -> bool:
        """Return True if nothing is open, or only the customer's action."""
        statement = PaymentRepository.progress(id_key)
        [(settle_at, awaits_customer, reference, status)] = await self.app_context.database.reads.fetch(*statement)
        is_waiting = status == PaymentStatus.PENDING and awaits_customer and reference is not None
        return settle_at is None or is_waiting


async def _send(provider: PaymentProvider, payment: OpenPayment, operation: PendingOperation) -> ProviderState:
    kind, amount, key = operation
    if kind is OperationKind.CAPTURE:
        return await provider.capture(payment.at_provider, amount, key)
    if kind is OperationKind.CANCEL:
        return await provider.cancel(payment.at_provider, key)
    return await provider.refund(payment.at_provider, amount, key)
