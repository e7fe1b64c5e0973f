"""SQL of stored responses."""

from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from models.client import ClientModel
from models.system.idempotency import IdempotencyModel
from repositories.statements.statement import Statement

LIFETIME = timedelta(hours=24)

STARTED = 102
"""Status of a request that has committed its intent and no result yet. `location` names the object that it made."""
NO_LOCK_TIMEOUT = "SET LOCAL lock_timeout = 0"
"""A repeat waits for the first request to end, however short the timeout of other locks is."""
_CLAIM = """
    INSERT INTO idempotency_keys (caller, key, method, path, fingerprint, client_id)
    VALUES (%(caller)s, %(key)s, %(method)s, %(path)s, %(fingerprint)s, %(client_id)s)
    ON CONFLICT (caller, key) DO UPDATE
        SET method = excluded.method, path = excluded.path, fingerprint = excluded.fingerprint,
            client_id = excluded.client_id, created_at = now()
        WHERE idempotency_keys.created_at < now() - cast(%(lifetime)s AS interval)
    RETURNING key
"""
# An upsert although the row exists: the conflict always uses the index. A generic plan of an UPDATE that was made for
# an empty table could scan it.
_STORE = """
    INSERT INTO idempotency_keys (caller, key, method, path, fingerprint, status, body, location, client_id)
    VALUES (
        %(caller)s, %(key)s, %(method)s, %(path)s, %(fingerprint)s, %(status)s, %(body)s, %(location)s, %(client_id)s
    )
    ON CONFLICT (caller, key) DO UPDATE
        SET status = excluded.status, body = excluded.body, location = excluded.location,
            client_id = coalesce(idempotency_keys.client_id, excluded.client_id)
"""
_FIND = """
    SELECT fingerprint, status, body, location, client_id FROM idempotency_keys
    WHERE caller = %(caller)s AND key = %(key)s
"""
# A repeat of most requests finds no client any more. That of the client's creation would create it again, so its key
# stays, with nothing of the request or the response.
_ERASE = """
    WITH removed AS (DELETE FROM idempotency_keys WHERE client_id = %(client_id)s AND path <> %(creation)s)
    UPDATE idempotency_keys SET fingerprint = '', status = 0, body = '', location = NULL
    WHERE client_id = %(client_id)s AND path = %(creation)s
"""
_COMPLETE = f"""
    UPDATE idempotency_keys SET status = %(status)s, body = %(body)s, location = %(location)s
    WHERE caller = %(caller)s AND key = %(key)s AND status = {STARTED}
"""
CREATION = f"/{ClientModel.__tablename__}"


class StoredResponse(NamedTuple):
    """The response to the first request with a key. `client_id` is the client that it is about."""

    status: int
    body: bytes
    location: str | None = None
    client_id: int | None = None


class RequestKey(NamedTuple):
    """Identity of a request that may be repeated; `fingerprint` is a hash of method, path and body.

    `client_id` is the caller, if it is a client.
    """

    caller: str
    key: str
    method: str
    path: str
    fingerprint: bytes
    client_id: int | None = None


class StoredRequest(NamedTuple):
    """The row of a key: the first request's fingerprint, and the response to it."""

    fingerprint: bytes
    status: int
    body: str
    location: str | None
    client_id: int | None

    @property
    def erased_client(self) -> int | None:
        """Return the client if it has been deleted, and this is the row of its creation."""
        return None if self.status else self.client_id

    @property
    def response(self) -> StoredResponse:
        return StoredResponse(self.status, self.body.encode(), self.location, self.client_id)


class IdempotencyRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    @staticmethod
    def claim_statement(request: RequestKey) -> Statement:
        """Return the statement that takes the key for its transaction; no row means that a response is stored.

        Run it after `NO_LOCK_TIMEOUT`.
        """
        return Statement(_CLAIM, {**request._asdict(), "lifetime": LIFETIME}, is_prepared=True)

    @staticmethod
    def store_statement(request: RequestKey, response: StoredResponse) -> Statement:
        values: dict[str, Any] = {**request._asdict(), **response._asdict(), "body": response.body.decode()}
        return Statement(_STORE, values, is_prepared=True)

    @staticmethod
    def find_statement(request: RequestKey) -> Statement:
        """Return the statement that reads a `StoredRequest`."""
        return Statement(_FIND, {"caller": request.caller, "key": request.key})

    def claim(self, request: RequestKey) -> StoredRequest | None:
        """Take the key for this transaction, or return the stored request.

        Waits while another transaction holds the key. If that one rolls back, this one takes the key.
        """
        claim = self.claim_statement(request)
        connection = self.session.connection()
        if connection.exec_driver_sql(f"{NO_LOCK_TIMEOUT}; {claim.sql}", claim.parameters).one_or_none():
            return None
        found = self.find_statement(request)
        return StoredRequest(*connection.exec_driver_sql(found.sql, found.parameters).one())

    def store(self, request: RequestKey, response: StoredResponse) -> None:
        statement = self.store_statement(request, response)
        self.session.connection().exec_driver_sql(statement.sql, statement.parameters)

    def complete(self, request: RequestKey, response: StoredResponse) -> StoredResponse:
        """Store the response to a STARTED request, and return it; or the one that another repeat has stored."""
        values = {**request._asdict(), **response._asdict(), "body": response.body.decode()}
        connection = self.session.connection()
        if connection.exec_driver_sql(_COMPLETE, values).rowcount:
            return response
        found = self.find_statement(request)
        row = connection.exec_driver_sql(found.sql, found.parameters).one_or_none()
        return StoredRequest(*row).response if row else response

    def erase_client(self, client_id: int) -> None:
        """Erase the responses about a client, in the transaction that has deleted it.

        The deletion waits for requests that refer to the client, so a statement after it sees their responses.
        """
        parameters = {"client_id": client_id, "creation": CREATION}
        self.session.connection().exec_driver_sql(_ERASE, parameters)

    def remove_expired(self, at_most: int) -> int:
        """Remove up to `at_most` expired keys and return their number. Skips keys that a request holds."""
        row = IdempotencyModel.__table__.c
        expired = (
            select(row.caller, row.key)
            .where(row.created_at < func.now() - LIFETIME)
            .limit(at_most)
            .with_for_update(skip_locked=True)
            .cte("expired")
        )
        statement = delete(IdempotencyModel).where(
            IdempotencyModel.caller == expired.c.caller, IdempotencyModel.key == expired.c.key
        )
        return int(self.session.execute(statement.execution_options(synchronize_session=False)).rowcount)  # type: ignore[attr-defined] # a DELETE's result has it
