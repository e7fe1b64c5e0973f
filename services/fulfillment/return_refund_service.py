"""Refunds of returns: through the captured payments of the order, and with a credit note once the money is back."""

from decimal import Decimal
from typing import NamedTuple

from models.enums import OperationStatus, ReturnStatus
from models.fulfillment.order_return import ReturnModel
from repositories.fulfillment.credit_note_repository import CreditNoteRepository
from repositories.fulfillment.return_repository import ReturnRepository
from repositories.order_repository import OrderRepository
from repositories.payments.payment_repository import PaymentRepository
from repositories.system.idempotency_repository import STARTED, IdempotencyRepository, StoredResponse
from repositories.transaction import Transaction
from schemas.base_schema import NothingToWrite, to_json
from services.context.app_context import AppContext
from services.context.request_context import INTERNAL, RequestContext
from services.exceptions import ConflictError
from services.fulfillment.return_service import ReturnService
from services.payments.refunds import refund_order
from services.payments.settlement import Settlement
from services.rendering import ActionResult
from services.transactions.unit_of_work import TransactionalService, in_worker_thread


class Started(NamedTuple):
    """Committed intent of a refund: the payments that take part."""

    payments: tuple[int, ...]


class ReturnRefundService(TransactionalService):
    def __init__(self, app_context: AppContext) -> None:
        super().__init__(app_context)
        self.returns, self.settlement = ReturnService(app_context), Settlement(app_context)

    async def refund(self, context: RequestContext, id_key: int, _: NothingToWrite) -> ActionResult | StoredResponse:
        """Pay back the return's amount, limited to what is refundable, once for all repeats with the same key.

        A provider that does not answer leaves the return `received`, and the sweep completes it. Raises NotFoundError,
        or ConflictError for a wrong step, if nothing is refundable, or if the provider refuses.
        """
        started = await self._begin(context, id_key)
        if not isinstance(started, Started):
            return started
        await self.settlement.settle_all(started.payments)
        return await self._answer(context, id_key)

    @in_worker_thread
    def _begin(self, context: RequestContext, id_key: int) -> Started | StoredResponse:
        """Commit the refunds as pending, together with the idempotency key."""
        with self.unit_of_work(context) as tx:
            payments = PaymentRepository(tx)
            if tx.replay and tx.replay.status != STARTED:
                return tx.replay
            if tx.replay:
                return Started(tuple(operation.payment_id for operation in payments.of_return(id_key)))
            order, found = self.returns.lock_for(tx, id_key, ReturnStatus.REFUNDED)
            if any(one.status == OperationStatus.PENDING for one in payments.of_return(id_key)):
                raise ConflictError(f"Return {id_key} is being refunded")
            planned = refund_order(tx, order, found.amount, id_key)
            if context.idempotent:
                started = StoredResponse(STARTED, b"", None, order.client_id)
                IdempotencyRepository(tx.session).store(context.idempotent.key, started)
            return Started(planned.payments)

    @in_worker_thread
    def _answer(self, context: RequestContext, id_key: int) -> ActionResult | StoredResponse:
        """Return the return as it is now. Unless its refund is still pending, store it as the response to repeats."""
        with self.unit_of_work(INTERNAL) as tx:
            found = ReturnRepository(tx).find(id_key)
            if found is None:
                raise self.returns.not_found(id_key)
            order = OrderRepository(tx).find(found.order_id)
            is_pending = any(one.status == OperationStatus.PENDING for one in PaymentRepository(tx).of_return(id_key))
            outcome: ActionResult | ConflictError = ActionResult(
                to_json(self.returns.read(found)), order.client_id if order else None
            )
            if found.status != ReturnStatus.REFUNDED and not is_pending:
                outcome = ConflictError(f"The provider refuses the refund of return {id_key}")
            response = context.idempotent.encode(outcome) if context.idempotent and not is_pending else None
            if context.idempotent and response:
                stored = IdempotencyRepository(tx.session).complete(context.idempotent.key, response)
                if stored is not response:
                    return stored
        if isinstance(outcome, ConflictError):
            raise outcome
        return outcome


def complete_refund(tx: Transaction, return_id: int) -> None:
    """Make the credit note and set the return to `refunded`, once all its refunds have ended.

    Runs in the transaction that records the end of a refund, under the lock of the order.
    """
    found: ReturnModel | None = ReturnRepository(tx).lock(return_id)
    refunds = PaymentRepository(tx).of_return(return_id)
    amount = sum((one.amount for one in refunds if one.status == OperationStatus.DONE), Decimal(0))
    is_over = not any(one.status == OperationStatus.PENDING for one in refunds)
    if found is None or found.status != ReturnStatus.RECEIVED or not is_over or not amount:
        return
    order = OrderRepository(tx).find(found.order_id)
    if order is not None:
        CreditNoteRepository(tx).add(order.bill_id, return_id, amount)
        ReturnRepository(tx).update(found, {"status": ReturnStatus.REFUNDED})
