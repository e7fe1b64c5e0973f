"""The production launcher: a parent process that prepares the service, and starts, replaces and stops its workers."""

import logging
import os
import shutil
import sys

from pydantic import SecretStr
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool
from uvicorn.config import STARTUP_FAILURE

from config.logging_config import print_notice
from config.settings import Settings
from infrastructure.observability.metrics import prepare_metrics
from infrastructure.server.launcher import prepared_service, print_addresses, server_config
from infrastructure.server.supervisor import Workers

logger = logging.getLogger("run_production")

FREE_SLOTS = """
    SELECT sum(CASE name WHEN 'max_connections' THEN setting::int ELSE -setting::int END)
    FROM pg_settings WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
"""
RESTART_JITTER = 0.2  # share of LIMIT_MAX_REQUESTS, so that the workers are not all replaced at once


def main() -> None:
    with prepared_service() as wanted:
        settings = wanted.model_copy(update=fit_connections(wanted, free_slots(wanted)))
        metrics = prepare_metrics(settings)
        try:
            print_notice(settings, table(settings), "settings", settings=dict(setting_rows(settings)))
            print_addresses(settings)
            serve(settings)
        finally:
            if metrics != settings.prometheus_multiproc_dir:
                shutil.rmtree(metrics, ignore_errors=True)


def serve(settings: Settings) -> None:
    config = server_config(
        settings,
        workers=settings.uvicorn_workers,
        limit_max_requests=settings.limit_max_requests or None,
        limit_max_requests_jitter=int(settings.limit_max_requests * RESTART_JITTER),
        timeout_worker_healthcheck=30,  # long enough for a slow start
    )
    workers = Workers(config, [config.bind_socket()])
    workers.run()
    if any(worker.exitcode == STARTUP_FAILURE for worker in workers.processes):
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
    """Return smaller pool sizes if the pools of all workers exceed `free`, and set them in the workers' environment.

    The overflow shrinks first, then the pool, and the connections for single statements last.
    """
    probe = 1  # connection of the health check
    pools = settings.db_pool_size + settings.db_max_overflow
    wanted = pools + settings.db_read_connections + settings.db_threads + probe
    if free is None or settings.uvicorn_workers * wanted <= free:
        return {}
    share = free // settings.uvicorn_workers - probe
    reads = max(1, min(settings.db_read_connections, share // 3))
    threads = max(1, min(settings.db_threads, settings.db_pool_size, (share - reads) // 2))
    pool = max(1, min(settings.db_pool_size, share - reads - threads))
    overflow = max(0, min(settings.db_max_overflow, share - reads - threads - pool))
    sizes = {"db_pool_size": pool, "db_max_overflow": overflow, "db_read_connections": reads, "db_threads": threads}
    fitted = {name: size for name, size in sizes.items() if size != getattr(settings, name)}
    os.environ.update({name.upper(): str(value) for name, value in fitted.items()})
    logger.warning(
        "%s workers with %s connections each are more than the %s that PostgreSQL has: %s",
        *(settings.uvicorn_workers, wanted, free),
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
