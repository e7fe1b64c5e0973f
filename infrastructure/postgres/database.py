"""One worker's access to PostgreSQL: the pooled engine for transactions, connections for single statements."""

from typing import Any

from psycopg2.errors import ReadOnlySqlTransaction
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine, ExceptionContext
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import sessionmaker

from config.settings import Settings
from infrastructure.concurrency.worker_threads import WorkerThreads
from infrastructure.postgres.connection import is_closed_by_server
from infrastructure.postgres.idle_connections import FailoverDetector
from infrastructure.postgres.pool import AsyncPool
from infrastructure.postgres.timeouts import install_wait_callback
from infrastructure.postgres.transaction import CONNECTION_UNUSABLE


def connection_arguments(settings: Settings) -> dict[str, Any]:
    """Return libpq parameters that bound every statement, lock and forgotten transaction.

    Keep-alives and `tcp_user_timeout` detect a lost network; the client-side timeouts detect a frozen server.
    """
    options = {
        "statement_timeout": int(settings.db_statement_timeout * 1000),
        "lock_timeout": int(settings.db_lock_timeout * 1000),
        "idle_in_transaction_session_timeout": 10_000,
        "timezone": "UTC",
        "plan_cache_mode": "force_generic_plan",  # only what one plan is good for, whatever its parameters, is prepared
        "jit": "off",  # it judges by branches that a list's statement has and seldom runs, and takes longer than those
    }
    return {
        "connect_timeout": settings.db_connect_timeout,
        "application_name": settings.otel_service_name,
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        "keepalives_idle": 5,
        "tcp_user_timeout": 3000,
    }


class Database:
    """One worker's ways to PostgreSQL: `sessions` for transactions in `threads`, and for single statements on the event
    loop `reads` and `writes`. Writes wait for locks, so they have connections of their own: no read waits for them.

    Nothing connects before it is used, so that a worker starts whether or not the server is there.
    """

    def __init__(self, settings: Settings) -> None:
        install_wait_callback(settings.db_connect_timeout, settings.db_statement_timeout + 1)
        url, arguments = settings.sqlalchemy_url(), connection_arguments(settings)
        self.engine: Engine = create_engine(
            url,
            connect_args=arguments,
            pool_size=max(settings.db_pool_size, settings.db_threads),
            max_overflow=settings.db_max_overflow,
            pool_timeout=settings.db_pool_timeout,
            pool_recycle=settings.db_pool_recycle,
            pool_use_lifo=True,
            hide_parameters=True,
        )
        self._capacity = max(settings.db_pool_size, settings.db_threads) + settings.db_max_overflow
        self.sessions = sessionmaker(self.engine, expire_on_commit=False)
        event.listen(self.engine, "checkout", _reject_closed_connection)
        event.listen(self.engine, "handle_error", self._mark_disconnect)
        self.threads = WorkerThreads(settings.db_threads, settings.db_pool_timeout)
        dsn = {**self.engine.dialect.create_connect_args(url)[1], **arguments}
        self._failover = FailoverDetector()
        way, waits = (dsn, self._failover), (settings.db_pool_timeout, settings.db_statement_timeout + 1)
        self.reads = AsyncPool(*way, settings.db_read_connections, *waits)
        self.writes = AsyncPool(*way, settings.db_threads, *waits)
        self.probe = AsyncPool(*way, size=1, wait_seconds=1, deadline_seconds=1)

    def pool_usage(self) -> tuple[int, int]:
        """The pool's connections in use, and the most that there can be, peaks included."""
        pool: Any = self.engine.pool
        return pool.checkedout(), self._capacity

    def close(self) -> None:
        self.reads.close()
        self.writes.close()
        self.probe.close()
        self.threads.close()
        self.engine.dispose()

    def _mark_disconnect(self, context: ExceptionContext) -> None:
        """SQLAlchemy, which goes by messages, would keep the connection."""
        context.is_disconnect |= isinstance(context.original_exception, CONNECTION_UNUSABLE)
        if isinstance(context.original_exception, ReadOnlySqlTransaction):
            self._failover.record()


def _reject_closed_connection(dbapi_connection: Any, _record: object, _proxy: object) -> None:
    """The server may have been restarted, and a write is still unsent.

    Tells what SQLAlchemy's `pool_pre_ping` tells, without its trip. Raises InvalidatePoolError, which the pool answers
    with a new connection.
    """
    if is_closed_by_server(dbapi_connection):
        raise InvalidatePoolError("the server has closed the connection")
