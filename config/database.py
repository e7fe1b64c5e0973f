"""PostgreSQL: the declarative base, the pooled engine for transactions, asynchronous connections for plain reads."""

import select
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from sqlalchemy import MetaData, create_engine, event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction, sessionmaker

from config.async_reads import AsyncReads
from config.deadlines import install_wait_callback
from config.settings import Settings, load_settings
from config.threads import Threads

# Services give database errors their meaning by these names.
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class base(DeclarativeBase):  # noqa: N801 # the name that importers know
    metadata = MetaData(naming_convention=NAMING_CONVENTION)


def connection_arguments(settings: Settings) -> dict[str, Any]:
    """What every connection carries, so that neither a statement, a lock nor a forgotten transaction lasts for ever.

    Keep-alives and `tcp_user_timeout` find a lost network; a server that is frozen is found by `config.deadlines`.
    """
    options = {
        "statement_timeout": int(settings.db_statement_timeout * 1000),
        "lock_timeout": int(settings.db_lock_timeout * 1000),
        "idle_in_transaction_session_timeout": 10_000,
        "timezone": "UTC",
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
    """One worker's ways to PostgreSQL: `sessions` for transactions in `threads`, `reads` for plain reads on the loop.

    `autocommit_sessions` save the trips of BEGIN and COMMIT where a transaction is a single statement.

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
        self.autocommit_sessions = sessionmaker(self.engine, expire_on_commit=False)
        event.listen(self.autocommit_sessions, "after_begin", _start_autocommit)
        event.listen(self.engine, "reset", _end_autocommit)
        event.listen(self.engine, "checkout", _see_whether_it_is_open)
        self.threads = Threads(settings.db_threads, settings.db_pool_timeout)
        dsn = {**url.translate_connect_args(username="user", database="dbname"), **url.query, **arguments}
        self.reads = AsyncReads(
            dsn, settings.db_read_connections, settings.db_pool_timeout, settings.db_statement_timeout + 1
        )
        self.probe = AsyncReads(dsn, size=1, wait_seconds=1, deadline_seconds=1)

    def pool_usage(self) -> tuple[int, int]:
        """The pool's connections in use, and the most that there can be, peaks included."""
        pool: Any = self.engine.pool
        return pool.checkedout(), self._capacity

    def close(self) -> None:
        self.reads.close()
        self.probe.close()
        self.threads.close()
        self.engine.dispose()


# SQLAlchemy's own isolation level AUTOCOMMIT costs a trip when a connection goes back to the pool, and a connection
# that is lost in that moment would make an error of a statement that has succeeded.


def _start_autocommit(_session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    connection.connection.dbapi_connection.autocommit = True  # type: ignore[union-attr] # psycopg2's


def _end_autocommit(dbapi_connection: Any, _record: object, _state: object) -> None:
    if dbapi_connection.autocommit:
        dbapi_connection.autocommit = False


def _see_whether_it_is_open(dbapi_connection: Any, _record: object, _proxy: object) -> None:
    """What can be read from an idle connection is its end: the server was restarted, and a write is still unsent.

    Tells what SQLAlchemy's `pool_pre_ping` tells, without its trip. Raises InvalidatePoolError, which the pool answers
    with a new connection.
    """
    idle = select.poll()
    idle.register(dbapi_connection.fileno(), select.POLLIN)
    if idle.poll(0):
        raise InvalidatePoolError("the server has closed the connection")


@lru_cache(maxsize=1)
def default_database() -> Database:
    """The database of the environment's settings, for scripts and extensions outside the application."""
    return Database(load_settings())


def get_db() -> Iterator[Session]:
    """A session for code outside the services; the caller commits."""
    with default_database().sessions() as session:
        yield session
