"""Idempotency keys: the first request with a key takes effect, and its repeats get the stored response."""

from sqlalchemy.orm import Session

from repositories.system.idempotency_repository import IdempotencyRepository, RequestKey, StoredRequest, StoredResponse
from services.context.request_context import IdempotentRequest
from services.exceptions import IdempotencyKeyReusedError, NotFoundError, ServiceError
from services.rendering import ActionResult, Created


def replay_of(stored: StoredRequest, key: RequestKey) -> StoredResponse:
    """Return the stored response.

    Raises IdempotencyKeyReusedError if it belongs to another request, NotFoundError if its client has been deleted.
    """
    if (client_id := stored.erased_client) is not None:
        raise NotFoundError("Client", client_id)
    if bytes(stored.fingerprint) != key.fingerprint:
        raise IdempotencyKeyReusedError
    return stored.response


def claim_key(session: Session, idempotent: IdempotentRequest) -> StoredResponse | None:
    """Take the request's key for this transaction, or return the stored response.

    Waits for another request with the same key. Raises as `replay_of` does.
    """
    stored = IdempotencyRepository(session).claim(idempotent.key)
    return replay_of(stored, idempotent.key) if stored else None


def store_outcome(
    session: Session, idempotent: IdempotentRequest, outcome: Created | ActionResult | ServiceError
) -> None:
    """Store the response to the first request with the key, in its transaction."""
    if response := idempotent.encode(outcome):
        IdempotencyRepository(session).store(idempotent.key, response)
