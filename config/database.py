"""PostgreSQL: the declarative base, the pooled engine for transactions, asynchronous connections for plain reads."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from sqlalchemy import MetaData, create_engine
from sqlalchemy.engine import Engine
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

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
        install_wait_callback(settings.db_statement_timeout + 1)
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
        autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self.autocommit_sessions = sessionmaker(autocommit, expire_on_commit=False)
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


@lru_cache(maxsize=1)
def default_database() -> Database:
    """The database of the environment's settings, for scripts and extensions outside the application."""
    return Database(load_settings())


def get_db() -> Iterator[Session]:
    """A session for code outside the services; the caller commits."""
    with default_database().sessions() as session:
        yield session
