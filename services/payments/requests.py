"""Requests that ask a provider: their intent, their repeats and their response."""

from typing import NamedTuple

from models.enums import OperationStatus
from repositories.payments.payment_repository import LockedPayment, PaymentRepository
from repositories.system.idempotency_repository import STARTED, IdempotencyRepository, StoredResponse
from repositories.transaction import Transaction
from services.context.request_context import RequestContext
from services.exceptions import ConflictError
from services.payments.open_payment import OpenPayment

PREFIX = "/payments/"


class Intent(NamedTuple):
    """Committed intent of a request. `mine` is the payment if this request is the one to ask the provider.

    `operation` is the key of the operation that the request adds; "" if it adds the payment itself.
    """

    id_key: int
    operation: str
    mine: OpenPayment | None = None
    is_repeat: bool = False


def intent_of(stored: StoredResponse) -> Intent | StoredResponse:
    """Return the intent of an earlier request that has no response yet, or its response."""
    if stored.status != STARTED or stored.location is None:
        return stored
    return Intent(int(stored.location.removeprefix(PREFIX)), stored.body.decode(), is_repeat=True)


def store_intent(tx: Transaction, context: RequestContext, locked: LockedPayment, operation: str = "") -> None:
    """Keep the intent with the request's idempotency key, so that a repeat waits for its result."""
    if context.idempotent:
        location, client_id = f"{PREFIX}{locked.payment.id_key}", locked.order.client_id
        started = StoredResponse(STARTED, operation.encode(), location, client_id)
        IdempotencyRepository(tx.session).store(context.idempotent.key, started)


def refusal_of(tx: Transaction, intent: Intent) -> ConflictError | None:
    """Return the error if the provider has refused the request's operation."""
    operation = PaymentRepository(tx).operation(intent.operation) if intent.operation else None
    if operation is None or operation.status != OperationStatus.FAILED:
        return None
    return ConflictError(f"The provider refuses the {operation.kind} of payment {intent.id_key}")
