"""The rules of payments: nobody pays more than is due, and each change asks the provider exactly once."""

from decimal import Decimal
from typing import Any

from infrastructure.payments.provider import InvalidSignatureError
from models.enums import OperationKind, OrderStatus, PaymentStatus
from models.order import OrderModel
from models.payments.payment import PaymentModel
from repositories.order_repository import OrderRepository
from repositories.payments.payment_repository import LockedPayment, PaymentRepository, new_key
from repositories.system.idempotency_repository import IdempotencyRepository, StoredResponse
from schemas.base_schema import BaseSchema, NothingToWrite, to_json
from schemas.payments.payment_schema import PaymentAmount, PaymentCreate, PaymentSchema
from services.base_service_impl import BaseService
from services.context.app_context import AppContext
from services.context.request_context import INTERNAL, RequestContext
from services.exceptions import ConflictError, ForbiddenError, InvalidError, NotFoundError, RejectedError
from services.payments.amounts import checked_amount, due_amount
from services.payments.open_payment import OpenPayment
from services.payments.recording import LEASE_SECONDS
from services.payments.requests import Intent, intent_of, refusal_of, store_intent
from services.payments.settlement import Settlement
from services.rendering import ActionResult, Created
from services.transactions.unit_of_work import in_worker_thread

Outcome = Created | ActionResult | StoredResponse


class _BusyError(Exception):
    """Another operation of the payment is pending. Nothing is stored."""


class PaymentService(BaseService[PaymentModel, NothingToWrite, NothingToWrite, PaymentSchema]):
    repository = PaymentRepository
    schema = PaymentSchema

    def __init__(self, app_context: AppContext) -> None:
        super().__init__(app_context)
        self.settlement, self.currency = Settlement(app_context), app_context.settings.payment_currency

    async def pay(self, context: RequestContext, order_id: int, new: PaymentCreate) -> Outcome:
        """Pay an order, once for all requests with the same idempotency key.

        Raises InvalidError for an unknown provider, ForbiddenError for one that is for admins, NotFoundError, or
        ConflictError if the order is canceled or less is due.
        """
        provider = self._provider_for(context, new)
        intent = await self._begin(context, order_id, new, provider)
        if not isinstance(intent, Intent):
            return intent
        if intent.mine:
            secret = await self.settlement.authorize(intent.mine, new.token)
        else:
            secret = await self.settlement.settle(intent.id_key)
        return await self._answer(context, intent, secret)

    async def hear_from_stripe(self, payload: bytes, signature: str | None) -> None:
        """Ask Stripe for the state of the payment that a webhook is about. Raises RejectedError for a wrong signature.

        Webhooks about payments of others are no error, because shops may share an account.
        """
        stripe: Any = self.app_context.providers.get("stripe")
        try:
            hint = stripe.verified(payload, signature) if stripe else None
        except InvalidSignatureError:
            raise RejectedError("The signature is invalid") from None
        if stripe is None:
            raise RejectedError("The signature is invalid")
        if hint and (payment := await self.settlement.records.find(hint)):
            await self.settlement.refresh(payment)

    @staticmethod
    def changes() -> dict[OperationKind, type[BaseSchema]]:
        """Return the kinds of changes with their bodies."""
        return {kind: NothingToWrite if kind is OperationKind.CANCEL else PaymentAmount for kind in OperationKind}

    async def change(
        self, kind: OperationKind, context: RequestContext, id_key: int, new: PaymentAmount | NothingToWrite
    ) -> Outcome:
        """Capture, cancel or refund a payment, once for all requests with the same idempotency key.

        Raises NotFoundError, or ConflictError for a wrong step, for an amount that is too high, and if the provider
        refuses.
        """
        amount = new.amount if isinstance(new, PaymentAmount) else None
        try:
            intent = await self._begin_change(context, id_key, kind, amount)
        except _BusyError:
            await self.settlement.settle(id_key)
            intent = await self._begin_change(context, id_key, kind, amount, is_last_try=True)
        if not isinstance(intent, Intent):
            return intent
        if intent.mine:
            await self.settlement.send(intent.mine)
        else:
            await self.settlement.settle(intent.id_key)
        return await self._answer(context, intent)

    def _provider_for(self, context: RequestContext, new: PaymentCreate) -> str:
        name = new.provider or self.app_context.settings.payment_provider
        if name not in self.app_context.providers:
            raise InvalidError("Unknown or not configured", "provider")
        if self.app_context.providers[name].is_for_admins and context.principal.client_id is not None:
            raise ForbiddenError(f"Only an admin may record a {name} payment")
        return name

    @in_worker_thread
    def _begin(
        self, context: RequestContext, order_id: int, new: PaymentCreate, provider: str
    ) -> Intent | StoredResponse:
        """Commit the payment as pending, together with the idempotency key."""
        with self.unit_of_work(context) as tx:
            if tx.replay:
                return intent_of(tx.replay)
            order = OrderRepository(tx).lock(order_id, context.principal.client_id)
            if order is None:
                raise NotFoundError(OrderModel.entity_name(), order_id)
            if order.status == OrderStatus.CANCELED:
                raise ConflictError(f"Order {order_id} is CANCELED: it takes no payments")
            awaits = self.app_context.providers[provider].takes_tokens and new.token is None
            payment = PaymentModel(
                order_id=order_id,
                amount=due_amount(tx, order, new.amount),
                provider=provider,
                key=new_key(),
                awaits_customer=awaits,
            )
            payments = PaymentRepository(tx)
            payments.add(payment, LEASE_SECONDS)
            locked = LockedPayment(payment, order, [])
            store_intent(tx, context, locked)
            return Intent(payment.id_key, "", OpenPayment.of(locked, self.currency))

    @in_worker_thread
    def _begin_change(
        self,
        context: RequestContext,
        id_key: int,
        kind: OperationKind,
        amount: Decimal | None,
        *,
        is_last_try: bool = False,
    ) -> Intent | StoredResponse:
        """Commit the operation as pending, together with the idempotency key."""
        with self.unit_of_work(context) as tx:
            if tx.replay:
                return intent_of(tx.replay)
            payments = PaymentRepository(tx)
            locked = payments.lock_with_order(id_key)
            if locked is None:
                raise self.not_found(id_key)
            if locked.pending(OperationKind.CAPTURE, OperationKind.CANCEL) and not is_last_try:
                raise _BusyError
            is_mine = locked.is_waiting() or not payments.is_reserved(locked.payment)
            operation = payments.add_operation(locked, kind, checked_amount(locked, kind, amount))
            if is_mine:
                payments.settle_in(locked.payment, LEASE_SECONDS)
            store_intent(tx, context, locked, operation.key)
            return Intent(id_key, operation.key, OpenPayment.of(locked, self.currency) if is_mine else None)

    @in_worker_thread
    def _answer(self, context: RequestContext, intent: Intent, secret: str | None = None) -> Outcome:
        """Return the payment as it is now, and store it as the response to repeats, without the client secret."""
        with self.unit_of_work(INTERNAL) as tx:
            payment = PaymentRepository(tx).find(intent.id_key)
            if payment is None:
                raise self.not_found(intent.id_key)
            order = OrderRepository(tx).find(payment.order_id)
            client_id = order.client_id if order else None
            secret = secret if payment.status == PaymentStatus.PENDING else None
            outcome = refusal_of(tx, intent) or self._outcome(self.read(payment), client_id, intent, secret)
            if context.idempotent and (response := context.idempotent.encode(outcome)):
                stored = IdempotencyRepository(tx.session).complete(context.idempotent.key, response)
                if intent.is_repeat and not (secret and isinstance(outcome, Created)):
                    return stored
        if isinstance(outcome, ConflictError):
            raise outcome
        return outcome

    @staticmethod
    def _outcome(
        record: dict[str, object], client_id: int | None, intent: Intent, secret: str | None
    ) -> Created | ActionResult:
        body = to_json(record)
        if intent.operation:
            return ActionResult(body, client_id)
        shown = to_json({**record, "client_secret": secret}) if secret else body
        return Created(shown, intent.id_key, client_id, replay_body=body)
