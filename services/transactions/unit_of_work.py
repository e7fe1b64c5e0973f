"""One use case, one transaction: retried after a deadlock, whole or absent, its errors in the client's words."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from infrastructure.exceptions import DatabaseUnavailableError
from infrastructure.observability.metrics import metrics
from infrastructure.postgres.timeouts import NoAnswerError
from repositories.base_repository_impl import Changes, changes_of
from repositories.idempotency_repository import IdempotencyRepository, Kept, RequestKey
from schemas.base_schema import to_json
from services.app_context import AppContext
from services.exceptions import InvalidError, ServiceError
from services.rendering import StoredResponse
from services.transactions.audit_log import audited
from services.transactions.error_translation import RETRIED, availability, meaning

T = TypeVar("T")
Work = Callable[[Session], T]

RETRIES = 3
KEPT_STATUSES = frozenset({400, 404, 409})


class _RepeatError(Exception):
    """The transaction is gone without a trace and may run again."""


def _count(_: RetryCallState) -> None:
    metrics.transaction_retried()


# One for all: it keeps what it counts by thread.
_RETRYING = Retrying(
    retry=retry_if_exception_type(_RepeatError),
    stop=stop_after_attempt(1 + RETRIES),
    wait=wait_random_exponential(multiplier=0.02, max=0.5),
    before_sleep=_count,
    reraise=True,
)


def is_gone(error: DBAPIError) -> bool:
    """Whether the connection was lost, and another may do better: not when the server hangs."""
    return error.connection_invalidated and not isinstance(error.orig, NoAnswerError)


def replay(kept: Kept, request: RequestKey) -> StoredResponse:
    """Raises InvalidError when the key was used for another request."""
    if bytes(kept.fingerprint) != request.fingerprint:
        raise InvalidError("The key was used for another request", "Idempotency-Key", part="header")
    return StoredResponse(kept.status, kept.body.encode(), kept.location, replayed=True)


class Transactions:
    def __init__(self, app_context: AppContext, unique_messages: Mapping[str, str]) -> None:
        self._app_context = app_context
        self._unique_messages = unique_messages
        self._audits = app_context.settings.audits

    def run(self, work: Work[T]) -> T:
        """Run `work` and commit, then tell the resources what it changed. For the threads, as `run_once` is.

        After a deadlock or a serialization failure `work` runs again, up to three times, and so it must do nothing
        outside its transaction.
        Raises what `work` raises, a ServiceError for a refusal of the database, or DatabaseUnavailableError.
        """
        return self._run(self._audited(work))

    def _run(self, work: Work[T]) -> T:
        try:
            outcome: tuple[T, Changes] = _RETRYING(self._attempt, work)
        except _RepeatError as error:
            raise DatabaseUnavailableError("in conflict with other transactions") from error
        result, changed = outcome
        self._app_context.after_commit(changed)
        return result

    def run_once(self, work: Work[StoredResponse], request: RequestKey | None) -> StoredResponse:
        """Run `work` for the first request with this key, and answer its repeats with what is kept of it.

        A refusal that the data decided (400, 404, 409) is kept as well, without anything that `work` did.
        """
        if request is None:
            return self.run(work)
        work = self._audited(work)
        return self._run(lambda session: self._keep(session, work, request))

    def _audited(self, work: Work[T]) -> Work[T]:
        return audited(work) if self._audits else work

    def _attempt(self, work: Work[T]) -> tuple[T, Changes]:
        try:
            with self._app_context.database.sessions() as session:
                return self._committed(session, work), changes_of(session)
        except PoolTimeoutError as error:
            raise DatabaseUnavailableError("no connection got free in time") from error
        except DBAPIError as error:
            # Undoing a transaction, and asking what its error means, can fail as well.
            raise availability(error) from error

    def _committed(self, session: Session, work: Work[T]) -> T:
        committing = False
        try:
            result = work(session)
            committing = True
            session.commit()
        except DBAPIError as error:
            # A connection that was lost before the commit was sent has committed nothing.
            if isinstance(error.orig, RETRIED) or (is_gone(error) and not committing):
                raise _RepeatError from error
            if committing and error.connection_invalidated:
                self._app_context.commit_in_doubt(changes_of(session))
            session.rollback()
            raise meaning(session, error, self._unique_messages) from error
        return result

    def _keep(self, session: Session, work: Work[StoredResponse], request: RequestKey) -> StoredResponse:
        repository = IdempotencyRepository(session)
        if kept := repository.claim(request):
            return replay(kept, request)
        answer = self._answer(session, work)
        repository.keep(request, answer.status, answer.body.decode(), answer.location)
        return answer

    def _answer(self, session: Session, work: Work[StoredResponse]) -> StoredResponse:
        """What `work` answers, or its refusal with everything that it did undone."""
        try:
            with session.begin_nested():
                return work(session)
        except ServiceError as error:
            refusal: Exception = error
        except DBAPIError as error:
            if error.connection_invalidated or isinstance(error.orig, RETRIED):
                raise
            refusal = meaning(session, error, self._unique_messages)
        session.info.clear()
        if isinstance(refusal, ServiceError) and refusal.status in KEPT_STATUSES:
            return StoredResponse(refusal.status, to_json(refusal.body))
        raise refusal
