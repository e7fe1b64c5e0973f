"""The production launcher: a parent process that prepares the service, and starts, replaces and stops its workers."""

import logging
import shutil
import socket
import sys

from pydantic import SecretStr
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool
from uvicorn.config import STARTUP_FAILURE

from config.logging_config import print_notice
from config.settings import Settings
from infrastructure.observability.metrics import prepare_metrics
from infrastructure.server.launcher import MAIN, prepared_service, print_addresses, server_config
from infrastructure.server.listener import listen
from infrastructure.server.supervisor import Workers

logger = logging.getLogger("run_production")

FREE_SLOTS = """
    SELECT sum(CASE name WHEN 'max_connections' THEN setting::int ELSE -setting::int END)
    FROM pg_settings WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
"""


def main(app: str = MAIN) -> None:
    """Serve the application that `app` names as `module:attribute`."""
    with prepared_service() as (wanted, listener):
        settings = wanted.model_copy(update=fit_connections(wanted, free_slots(wanted)))
        metrics = prepare_metrics(settings)
        try:
            print_notice(settings, table(settings), "settings", settings=dict(setting_rows(settings)))
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


def free_slots(settings: Settings) -> int | None:
    """Return the number of connections that PostgreSQL allows to ordinary roles, or None if the query fails."""
    engine = create_engine(
        settings.sqlalchemy_url(), poolclass=NullPool, connect_args={"connect_timeout": settings.db_connect_timeout}
    )
    try:
        with engine.connect() as connection:
            return int(connection.execute(text(FREE_SLOTS)).scalar_one())
    except OperationalError as error:
        logger.warning("the connection budget is not checked: %s", str(error.orig).strip())
        return None


def fit_connections(settings: Settings, free: int | None) -> dict[str, int]:
    """Return smaller pool sizes if the pools of all workers exceed `free`, with a warning if the operator chose sizes.

    The overflow shrinks first, then the pool, and the connections for single statements last. A worker that is recycled
    and its successor hold connections at the same time.
    """
    probe = 1  # connection of the health check
    workers = settings.uvicorn_workers + (settings.limit_max_requests > 0)
    pools = settings.db_pool_size + settings.db_max_overflow
    wanted = pools + settings.db_read_connections + settings.db_threads + probe
    if free is None or workers * wanted <= free:
        return {}
    share = free // workers - probe
    reads = max(1, min(settings.db_read_connections, share // 3))
    threads = max(1, min(settings.db_threads, settings.db_pool_size, (share - reads) // 2))
    pool = max(1, min(settings.db_pool_size, share - reads - threads))
    overflow = max(0, min(settings.db_max_overflow, share - reads - threads - pool))
    sizes = {"db_pool_size": pool, "db_max_overflow": overflow, "db_read_connections": reads, "db_threads": threads}
    fitted = {name: size for name, size in sizes.items() if size != getattr(settings, name)}
    fits = workers * (sum(sizes.values()) + probe) <= free
    logger.log(
        logging.WARNING if settings.model_fields_set & sizes.keys() or not fits else logging.INFO,
        "%s workers%s with %s connections each are more than the %s that PostgreSQL has: %s",
        *(settings.uvicorn_workers, " and a successor" * (workers - settings.uvicorn_workers), wanted, free),
        ", ".join(f"{name.upper()}={value}" for name, value in fitted.items()),
    )
    return fitted


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
        return ", ".join(value)
    return "-" if value is None else str(value)


if __name__ == "__main__":
    main()
