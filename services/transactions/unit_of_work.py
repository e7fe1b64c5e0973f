"""Unit of work: one use case, one transaction, run again after a conflict, with its errors translated."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from infrastructure.exceptions import DatabaseUnavailableError
from infrastructure.observability.metrics import metrics
from infrastructure.postgres.timeouts import NoAnswerError
from repositories.system.idempotency_repository import StoredResponse
from repositories.transaction import Changes, Transaction
from services.caching.registry import CACHED_TABLES
from services.context.app_context import AppContext
from services.context.request_context import IdempotentRequest, RequestContext
from services.exceptions import ServiceError
from services.rendering import NOTHING_NEW, ActionResult, Created
from services.rules.stock import warn_of_low_stock
from services.transactions.audit_log import add_entry
from services.transactions.error_translation import CONFLICTS, translate_error, translate_unavailable
from services.transactions.idempotency import claim_key, store_outcome

T = TypeVar("T")
P = ParamSpec("P")

RETRIES = 3


class RetryError(Exception):
    """The transaction was rolled back completely, and may run again."""


@dataclass(slots=True)
class UnitOfWork(Transaction):
    """A transaction of a use case.

    `replay` is the response that is stored for the request's idempotency key; the use case then returns it and does
    nothing. `outcome` is the result to store for the key: a creation, an object that an action changed, or a refusal.
    """

    replay: StoredResponse | None = None
    outcome: Created | ActionResult | ServiceError | None = None
    is_committing: bool = False


@contextmanager
def unit_of_work(app: AppContext, context: RequestContext, unique_messages: Mapping[str, str]) -> Iterator[UnitOfWork]:
    """Open a transaction. Leaving the block commits it, drops changed cache entries and logs low stock.

    The audit entry and the response for the idempotency key are part of the transaction. An exception rolls back.
    Raises ServiceError for a refusal of the database, RetryError after a conflict, DatabaseUnavailableError.
    """
    try:
        with app.database.sessions() as session:
            tx = UnitOfWork(session)
            try:
                if context.idempotent:
                    tx.replay = claim_key(session, context.idempotent)
                with _storable_refusals(tx, context.idempotent, unique_messages):
                    yield tx
                    if context.audited and not tx.replay and tx.outcome is not NOTHING_NEW:
                        add_entry(tx, context, context.audited)
                if context.idempotent and tx.outcome:
                    store_outcome(session, context.idempotent, tx.outcome)
                tx.is_committing = True
                session.commit()
            except DBAPIError as error:
                raise _roll_back(app, tx, error, unique_messages) from error
    except PoolTimeoutError as error:
        raise DatabaseUnavailableError("no connection got free in time") from error
    except DBAPIError as error:
        # Rolling back, and the queries that explain an error, can fail as well.
        raise translate_unavailable(error) from error
    if not CACHED_TABLES.isdisjoint(tx.changes.rows):
        app.cache.invalidate_from_thread(tx.changes.rows)
    if tx.changes.stock:
        warn_of_low_stock(tx.changes.stock, app.settings.low_stock_threshold)
    if isinstance(tx.outcome, ServiceError):
        raise tx.outcome


@contextmanager
def _storable_refusals(
    tx: UnitOfWork, idempotent: IdempotentRequest | None, unique_messages: Mapping[str, str]
) -> Iterator[None]:
    """Turn a refusal into the outcome to store for the key, with all writes of the block undone."""
    if idempotent is None or tx.replay:
        yield
        return
    try:
        with tx.session.begin_nested():
            yield
    except ServiceError as error:
        if idempotent.encode(error) is None:
            raise
        tx.changes, tx.outcome = Changes(), error
    except DBAPIError as error:
        if error.connection_invalidated or isinstance(error.orig, CONFLICTS):
            raise
        refusal = translate_error(tx, error, unique_messages)
        if not isinstance(refusal, ServiceError) or idempotent.encode(refusal) is None:
            raise refusal from error
        tx.changes, tx.outcome = Changes(), refusal


def _roll_back(app: AppContext, tx: UnitOfWork, error: DBAPIError, unique_messages: Mapping[str, str]) -> Exception:
    """Roll back and return the exception to raise. An unknown outcome of the commit becomes an in-doubt write."""
    # A connection that was lost before the commit was sent has committed nothing.
    if isinstance(error.orig, CONFLICTS) or (_is_lost(error) and not tx.is_committing):
        return RetryError()
    if tx.is_committing and error.connection_invalidated:
        app.in_doubt.add(tx.changes.rows)
        app.cache.invalidate_from_thread(tx.changes.rows)
    tx.session.rollback()
    return translate_error(tx, error, unique_messages)


def _is_lost(error: DBAPIError) -> bool:
    """Return True if a new connection may help: not if the server hangs."""
    return error.connection_invalidated and not isinstance(error.orig, NoAnswerError)


def _count_retry(_: RetryCallState) -> None:
    metrics.transaction_retried()


# One instance for all threads: it keeps its counts per thread.
_RETRYING = Retrying(
    retry=retry_if_exception_type(RetryError),
    stop=stop_after_attempt(1 + RETRIES),
    wait=wait_random_exponential(multiplier=0.02, max=0.5),
    before_sleep=_count_retry,
    reraise=True,
)


def run_with_retries(work: Callable[[], T]) -> T:
    """Run `work`, up to three times again after a conflict. It must have no effect outside its transaction."""
    try:
        result: T = _RETRYING(work)
    except RetryError as error:
        raise DatabaseUnavailableError("in conflict with other transactions") from error
    return result


class TransactionalService:
    """A service whose use cases run in units of work."""

    unique_messages: ClassVar[Mapping[str, str]] = {}
    """The detail of a 409 by the name of the unique index, or of the rule of a trigger, that refuses a value.

    `{name}` stands for a value of the write.
    """

    def __init__(self, app_context: AppContext) -> None:
        self.app_context = app_context

    def unit_of_work(self, context: RequestContext) -> AbstractContextManager[UnitOfWork]:
        return unit_of_work(self.app_context, context, self.unique_messages)


Service = TypeVar("Service", bound=TransactionalService)


def in_worker_thread(
    method: Callable[Concatenate[Service, P], T],
) -> Callable[Concatenate[Service, P], Awaitable[T]]:
    """Turn a use case into a coroutine that runs it in a worker thread, and again after a conflict."""

    @wraps(method)
    async def run(service: Service, /, *args: P.args, **kwargs: P.kwargs) -> T:
        work: Callable[[], Any] = partial(method, service, *args, **kwargs)
        return await service.app_context.database.threads.run(partial(run_with_retries, work))

    return run
