"""The production launcher: a parent process that prepares the service, and starts, replaces and stops its workers."""

import logging
import shutil
import socket
import sys
from typing import NamedTuple

from pydantic import SecretStr
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool
from uvicorn.config import STARTUP_FAILURE

from config.settings import Settings
from infrastructure.observability.log import print_notice
from infrastructure.observability.metrics import prepare_metrics
from infrastructure.postgres.replication.addresses import settings_of_replicas
from infrastructure.server.development import mark_development
from infrastructure.server.launcher import MAIN, prepared_service, print_addresses, server_config
from infrastructure.server.listener import listen
from infrastructure.server.supervisor import Workers

logger = logging.getLogger("run_production")

# The limits of role and database do not apply to superusers.
CONNECTION_LIMITS = """
    SELECT limits.connections, limits.source FROM (
        SELECT sum(CASE name WHEN 'max_connections' THEN setting::int ELSE -setting::int END), 'the server'
        FROM pg_settings WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
        UNION ALL SELECT rolconnlimit, 'the role ' || rolname FROM pg_roles
        WHERE rolname = current_user AND rolconnlimit >= 0 AND NOT rolsuper
        UNION ALL SELECT datconnlimit, 'the database ' || datname FROM pg_database, pg_roles
        WHERE datname = current_database() AND rolname = current_user AND datconnlimit >= 0 AND NOT rolsuper
    ) AS limits (connections, source)
    ORDER BY 1 LIMIT 1
"""
LEAST_CONNECTIONS = 4
"""Connections of a worker with the smallest pools: transactions, single writes, reads, checks."""


class ConnectionLimit(NamedTuple):
    """The lowest limit for the connections of the service, and its source."""

    connections: int
    source: str = "the server"


def main(app: str = MAIN) -> None:
    """Serve the application that `app` names as `module:attribute`."""
    mark_development(is_development=False)
    with prepared_service() as (wanted, listener):
        settings = wanted.model_copy(update=fit_connections(wanted, connection_limit(wanted)))
        settings = settings.model_copy(update=fit_replica_connections(settings))
        metrics = prepare_metrics(settings)
        try:
            print_notice(settings.log_format, table(settings), "settings", settings=dict(setting_rows(settings)))
            listen(listener, settings)
            print_addresses(settings)
            serve(settings.model_copy(update={"prometheus_multiproc_dir": metrics}), listener, app)
        finally:
            if metrics != settings.prometheus_multiproc_dir:
                shutil.rmtree(metrics, ignore_errors=True)


def serve(settings: Settings, listener: socket.socket, app: str = MAIN) -> None:
    workers = Workers(
        server_config(settings, app),
        listener,
        count=settings.uvicorn_workers,
        max_requests=settings.limit_max_requests,
        min_lifetime=settings.limit_min_lifetime,
    )
    if not workers.run():
        sys.exit(STARTUP_FAILURE)


def connection_limit(settings: Settings) -> ConnectionLimit | None:
    """Return the number of connections that PostgreSQL allows to the role, or None if the query fails."""
    engine = create_engine(
        settings.sqlalchemy_url(), poolclass=NullPool, connect_args={"connect_timeout": settings.db_connect_timeout}
    )
    try:
        with engine.connect() as connection:
            return ConnectionLimit(*connection.execute(text(CONNECTION_LIMITS)).one())
    except OperationalError as error:
        logger.warning("the connection budget is not checked: %s", str(error.orig).strip())
        return None


def fit_connections(settings: Settings, limit: ConnectionLimit | None) -> dict[str, int]:
    """Return smaller sizes if the pools of all workers exceed `limit`, with a warning if the operator chose sizes.

    The overflow shrinks first, then the pool, and the connections for single statements last; if the smallest pools do
    not fit, there are fewer workers. A worker that is recycled and its successor hold connections at the same time.
    """
    probe = 1  # connection of the health check
    successor = settings.limit_max_requests > 0
    pools = settings.db_pool_size + settings.db_max_overflow
    wanted = pools + settings.db_read_connections + settings.db_threads + probe
    if limit is None or (settings.uvicorn_workers + successor) * wanted <= limit.connections:
        return {}
    workers = max(1, min(settings.uvicorn_workers, limit.connections // LEAST_CONNECTIONS - successor))
    share = limit.connections // (workers + successor) - probe
    reads = max(1, min(settings.db_read_connections, share // 3))
    threads = max(1, min(settings.db_threads, settings.db_pool_size, (share - reads) // 2))
    pool = max(1, min(settings.db_pool_size, share - reads - threads))
    overflow = max(0, min(settings.db_max_overflow, share - reads - threads - pool))
    sizes = {"db_pool_size": pool, "db_max_overflow": overflow, "db_read_connections": reads, "db_threads": threads}
    chosen = settings.model_fields_set & sizes.keys()
    fits = (workers + successor) * (sum(sizes.values()) + probe) <= limit.connections
    sizes["uvicorn_workers"] = workers
    fitted = {name: size for name, size in sizes.items() if size != getattr(settings, name)}
    logger.log(
        logging.WARNING if chosen or not fits or workers < settings.uvicorn_workers else logging.INFO,
        "%s workers%s with %s connections each are more than the %s that %s allows: %s",
        *(settings.uvicorn_workers, " and a successor" * successor, wanted, *limit),
        ", ".join(f"{name.upper()}={value}" for name, value in fitted.items()),
    )
    return fitted


def fit_replica_connections(settings: Settings) -> dict[str, int]:
    """Return a smaller DB_REPLICA_CONNECTIONS if those of all workers exceed the limit of a replica, with a warning.

    Each replica has a budget of its own: the reads of a worker and one connection for checks.
    """
    limits = filter(None, map(connection_limit, settings_of_replicas(settings)))
    lowest = min(limits, default=None)
    workers = settings.uvicorn_workers + (settings.limit_max_requests > 0)
    if lowest is None or workers * (settings.db_replica_connections + 1) <= lowest.connections:
        return {}
    fitting = max(1, lowest.connections // workers - 1)
    logger.warning(
        "%s connections of each of %s processes to a replica are more than the %s that %s allows: %s",
        *(settings.db_replica_connections + 1, workers, *lowest),
        f"DB_REPLICA_CONNECTIONS={fitting}",
    )
    return {"db_replica_connections": fitting}


def table(settings: Settings) -> str:
    """Return the settings, one per line, without secrets."""
    rows = setting_rows(settings)
    width = max(len(name) for name, _ in rows)
    return "\n" + "".join(f"  {name:<{width}}  {value}\n" for name, value in rows)


def setting_rows(settings: Settings) -> list[tuple[str, str]]:
    """Return names and values of the settings, without secrets."""
    return [(name.upper(), _shown(getattr(settings, name))) for name in Settings.model_fields]


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "(set)" if value.get_secret_value() else "-"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "-" if value is None else str(value)


if __name__ == "__main__":
    main()
