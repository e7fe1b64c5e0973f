"""Sessions of plain FastAPI endpoints: their commits are audited, and the cache forgets what they changed.

SQLAlchemy's events record the changes. The stamps are dropped on the event loop before the next message of the response
leaves, so an endpoint may commit in any thread, and no answer precedes its invalidation.
"""

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction

from repositories.transaction import Changes, Transaction
from services.caching.entries import ALL_ROWS
from services.context.app_context import AppContext
from services.context.request_context import RequestContext
from services.rules.stock import warn_of_low_stock
from services.transactions.audit_log import add_entry
from services.transactions.error_translation import translate_error
from services.transactions.written_tables import cascades_from, written_tables


class RequestOverError(Exception):
    """A thread commits after its request has ended, so nobody would drop the stamps of what it changed."""


class RequestWrites:
    """The commits of one request, made in any thread."""

    def __init__(self, app: AppContext, context: RequestContext, *, uses_database: bool) -> None:
        self.app, self.context, self.uses_database = app, context, uses_database
        self.is_audited = False
        self._lock, self._is_over = threading.Lock(), False
        self._unfinished = list[Changes]()
        self._committed = deque[Changes]()

    def session(self) -> "TrackedSession":
        """Open a session with the service's own engine. It takes a connection with its first statement."""
        return TrackedSession(self, **self.app.database.sessions.kw)

    def begin_commit(self, changes: Changes) -> None:
        """Note that these changes are about to be committed. Raises RequestOverError."""
        with self._lock:
            if self._is_over:
                raise RequestOverError
            self._unfinished.append(changes)

    def end_commit(self, changes: Changes) -> None:
        with self._lock:
            self._unfinished.remove(changes)
        self._committed.append(changes)

    async def invalidate(self) -> None:
        """Drop the stamps of all rows that commits have changed so far."""
        while self._committed:
            rows = self._committed.popleft().rows
            try:
                await self.app.cache.invalidate(rows)
            except BaseException:
                self.app.in_doubt.add(rows)
                raise

    async def close(self) -> None:
        """End the request. A worker that stops cancels the requests that take too long, but not their threads."""
        with self._lock:
            self._is_over = True
            for changes in self._unfinished:
                self.app.in_doubt.add(changes.rows)
        await self.invalidate()


class TrackedSession(Session):
    """A session that records the rows it changes."""

    def __init__(self, writes: RequestWrites, **options: Any) -> None:
        super().__init__(**options)
        self.writes, self.changes, self.is_committing = writes, Changes(), False

    def record_all(self, tables: Iterable[str]) -> None:
        """Record that any row of these tables may have changed."""
        for table in tables:
            self.changes.rows[table].add(ALL_ROWS)


@contextmanager
def open_unit_of_work(writes: RequestWrites) -> Iterator[Transaction]:
    """Open a transaction that leaving the block commits, and an exception rolls back.

    Raises ServiceError for a refusal of the database, and DatabaseUnavailableError, also after a deadlock.
    """
    with writes.session() as session:
        tx = Transaction(session, session.changes)
        try:
            yield tx
            session.commit()
        except DBAPIError as error:
            session.rollback()
            raise translate_error(tx, error, {}) from error
    if tx.changes.stock:
        warn_of_low_stock(tx.changes.stock, writes.app.settings.low_stock_threshold)


@event.listens_for(TrackedSession, "after_flush")
def _record_flush(session: TrackedSession, _: object) -> None:
    for instance in (*session.new, *session.dirty, *session.deleted):
        state = inspect(instance)
        keys = getattr(instance, "id_key", ALL_ROWS), *(state.identity or ())
        for table in state.mapper.tables:
            session.changes.rows[table.name].update(keys)
            if instance in session.deleted:
                session.record_all(cascades_from(table.name))


@event.listens_for(TrackedSession, "do_orm_execute")
def _record_statement(state: ORMExecuteState) -> None:
    session: Any = state.session
    session.record_all(written_tables(state.statement))


@event.listens_for(TrackedSession, "before_commit")
def _begin_commit(session: TrackedSession) -> None:
    """Flush and add the audit entry, so that nothing but the commit itself can fail from here on."""
    if session.in_nested_transaction():
        return
    session.flush()
    context = session.writes.context
    if context.audited and not session.writes.is_audited:
        add_entry(Transaction(session), context, context.audited)
    session.writes.begin_commit(session.changes)
    session.is_committing = True


@event.listens_for(TrackedSession, "after_commit")
def _end_commit(session: TrackedSession) -> None:
    if session.in_nested_transaction():
        return
    session.writes.is_audited, session.is_committing = True, False
    session.writes.end_commit(session.changes)
    session.changes = Changes()


@event.listens_for(TrackedSession, "after_transaction_end")
def _end_transaction(session: TrackedSession, transaction: SessionTransaction) -> None:
    """Forget a rollback. A commit that failed may still take effect if the connection was lost."""
    if transaction.parent is not None:
        return
    if session.is_committing:
        session.writes.app.in_doubt.add(session.changes.rows)
        session.writes.end_commit(session.changes)
    session.changes, session.is_committing = Changes(), False
