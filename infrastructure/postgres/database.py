"""A worker's access to PostgreSQL: an engine for transactions and asynchronous pools for single statements."""

from math import inf
from time import monotonic
from typing import Any

from psycopg2.errors import ReadOnlySqlTransaction
from psycopg2.extensions import register_type
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine, ExceptionContext
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import sessionmaker

from config.settings import Settings
from infrastructure.concurrency.fair_semaphore import FairSemaphore
from infrastructure.concurrency.keyed_locks import KeyedLocks
from infrastructure.concurrency.worker_threads import WorkerThreads
from infrastructure.observability.metrics import THREADS, PoolUsage
from infrastructure.postgres.availability.failover import FailoverDetector
from infrastructure.postgres.availability.outage_log import outages
from infrastructure.postgres.availability.probe import Probe
from infrastructure.postgres.connect import Target
from infrastructure.postgres.connection import is_closed_by_server
from infrastructure.postgres.pool import AsyncPool, read_pool
from infrastructure.postgres.replication.addresses import settings_of_replicas
from infrastructure.postgres.replication.replica import Replica
from infrastructure.postgres.replication.replicas import Replicas
from infrastructure.postgres.startup_options import joined_options
from infrastructure.postgres.timeouts import install_wait_callback
from infrastructure.postgres.transaction import CONNECTION_UNUSABLE
from infrastructure.postgres.typecasts import MOMENT
from infrastructure.postgres.urls import driver_arguments

TRANSACTIONS = "transactions"
OPENED = "opened"
"""Key of a pooled connection's `info`: its age and its server."""

ROW_WRITERS = 4
"""Statements of all workers of an instance that hold a row or wait for it, but at least one of each worker. A longer
queue in PostgreSQL slows all of them down and occupies the connections; a shorter one lets the row idle while its next
writer is on its way from a single worker."""


def connection_arguments(settings: Settings) -> dict[str, Any]:
    """Return libpq parameters that bound every statement, lock and forgotten transaction.

    Keep-alives and `tcp_user_timeout` detect a lost network; the client-side timeouts detect a frozen server.
    """
    url = settings.sqlalchemy_url().query
    options = joined_options(settings)
    return {
        "connect_timeout": settings.db_connect_timeout,
        "client_encoding": "utf8",  # a role or a database may have another one
        "application_name": settings.otel_service_name,
        **({"options": options} if options else {}),
        "target_session_attrs": url.get("target_session_attrs", "primary"),  # of several hosts, only the primary
        "keepalives_idle": 3,
        "keepalives_interval": 1,
        "keepalives_count": 2,
        "tcp_user_timeout": 3000,
    }


class Database:
    """A worker's connections to PostgreSQL.

    `sessions` run transactions in `threads`. `reads` and `writes` run single statements on the event loop. Writes wait
    for locks, so they have their own connections and no read waits behind them. `probe` is a single connection with a
    deadline of one second, for checks. `exports` lends one connection for reads for as long as an export takes; with
    only one, exports have their own. `export_slot` admits one export at a time. `row_locks` let few statements of this
    worker at a time wait for a popular row. `replicas` are standbys for reads that need not see the latest writes of
    others.
    Connections open on first use, so a worker starts without the server.
    """

    def __init__(self, settings: Settings) -> None:
        register_type(MOMENT)  # for all connections of the process
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
        event.listen(self.engine, "do_connect", self._connect)
        event.listen(self.engine, "checkout", self._reject_unusable_connection)
        event.listen(self.engine, "handle_error", self._mark_disconnect)
        writers_of_a_row = max(1, ROW_WRITERS // settings.uvicorn_workers)
        self.row_locks = KeyedLocks(writers_of_a_row, settings.db_pool_timeout, "row")
        dsn = {**driver_arguments(url), **arguments}
        self.failover = FailoverDetector(settings.db_pool_recycle if settings.db_pool_recycle >= 0 else inf)
        target, limits = Target(dsn, self.failover), (settings.db_pool_timeout, settings.db_statement_timeout + 1)
        self.probe = Probe(target)
        may_write = self.probe.refuse_while_commits_hang
        self.reads = read_pool(target, settings)
        has_spare = settings.db_read_connections > 1 + settings.db_pipeline
        self.exports = self.reads if has_spare else AsyncPool(target, 1, *limits)
        self.export_slot = FairSemaphore(1, settings.db_pool_timeout, "slot for an export")
        self.writes = AsyncPool(target, settings.db_threads, *limits, check_before=may_write)
        replicas = [Replica(standby, connection_arguments(standby)) for standby in settings_of_replicas(settings)]
        self.replicas = Replicas(replicas, self.reads, self.writes)
        self.threads = WorkerThreads(settings.db_threads, settings.db_pool_timeout, outages.pool_exhausted, may_write)

    def pool_usage(self) -> PoolUsage:
        """Return for each pool that requests wait for how much of it is in use, and its maximum including overflow."""
        pool: Any = self.engine.pool
        return {
            TRANSACTIONS: (pool.checkedout(), self._capacity),
            THREADS: self.threads.usage(),
            "reads": self.reads.usage(),
            "writes": self.writes.usage(),
            **{f"replica {replica.name}": replica.reads.usage() for replica in self.replicas},
        }

    def close(self) -> None:
        """Close all connections and end the threads."""
        self.reads.close()
        self.exports.close()
        self.writes.close()
        self.probe.close()
        self.replicas.close()
        self.threads.close()
        self.engine.dispose()

    def _mark_disconnect(self, context: ExceptionContext) -> None:
        """Invalidate an unusable connection. SQLAlchemy recognises lost connections by message and would keep it."""
        context.is_disconnect |= isinstance(context.original_exception, CONNECTION_UNUSABLE)
        if context.is_disconnect:
            outages.statement_failed(context.original_exception)
        if isinstance(context.original_exception, ReadOnlySqlTransaction):
            self.failover.record()

    def _connect(self, dialect: Any, record: Any, arguments: Any, options: Any) -> Any:
        """Open a connection of the engine and identify its server. Listener for SQLAlchemy's event `do_connect`."""
        with outages.watching_connect():
            opened_at, connection = monotonic(), dialect.connect(*arguments, **options)
            try:
                record.info[OPENED] = opened_at, self.failover.identify(connection)
            except BaseException:
                connection.close()
                raise
        return connection

    def _reject_unusable_connection(self, dbapi_connection: Any, record: Any, _proxy: object) -> None:
        """Raise an error if the server has closed the connection, or after a failover. The pool then opens a new one.

        Detects a restart of the server before a write is sent. SQLAlchemy's `pool_pre_ping` needs a round trip.
        """
        if is_closed_by_server(dbapi_connection):
            raise InvalidatePoolError("the server has closed the connection")
        if self.failover.is_obsolete(*record.info[OPENED]):
            raise InvalidatePoolError("the server has failed over, or the network has cut the connection")
