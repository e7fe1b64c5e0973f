"""The launcher for production: many workers under a parent that prepares everything, replaces and stops them."""

import logging
import os
import shutil
import sys
import time

from pydantic import SecretStr
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from config.settings import Settings
from infrastructure.observability.metrics import prepare_metrics
from infrastructure.server.launcher import announce, launching, server_config

logger = logging.getLogger("run_production")

FREE_SLOTS = """
    SELECT sum(CASE name WHEN 'max_connections' THEN setting::int ELSE -setting::int END)
    FROM pg_settings WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
"""
JITTER = 0.2  # of LIMIT_MAX_REQUESTS, so that the workers are not all replaced at one time
KILL_SECONDS = 5  # a worker may take that much longer to stop than TIMEOUT_GRACEFUL_SHUTDOWN


class Workers(Multiprocess):
    """Uvicorn's supervisor, with bounds on the time to stop, and to notice that a worker is dead."""

    def keep_subprocess_alive(self) -> None:
        """While a worker's end of their pipe is open in the parent as well, it does not see that a worker which it has
        just asked whether it lives was killed, and waits for the answer as long as for one that hangs.
        """
        for worker in self.processes:
            worker.child_conn.close()
        super().keep_subprocess_alive()

    def join_all(self) -> None:
        deadline = time.monotonic() + (self.config.timeout_graceful_shutdown or 0) + KILL_SECONDS
        for worker in self.processes:
            worker.process.join(max(0, deadline - time.monotonic()))
            if worker.process.is_alive():
                logger.error("worker %s did not stop in time and is killed", worker.pid)
                worker.process.kill()
        super().join_all()


def main() -> None:
    with launching() as wanted:
        settings = wanted.model_copy(update=fit_connections(wanted, free_slots(wanted)))
        metrics = prepare_metrics(settings)
        try:
            sys.stdout.write(table(settings))
            sys.stdout.flush()
            announce(settings)
            serve(settings)
        finally:
            if metrics != settings.prometheus_multiproc_dir:
                shutil.rmtree(metrics, ignore_errors=True)


def serve(settings: Settings) -> None:
    config = server_config(
        settings,
        workers=settings.uvicorn_workers,
        limit_max_requests=settings.limit_max_requests or None,
        limit_max_requests_jitter=int(settings.limit_max_requests * JITTER),
        timeout_worker_healthcheck=30,  # a worker that starts slowly is not one that hangs
    )
    workers = Workers(config, [config.bind_socket()])
    workers.run()
    if any(worker.exitcode == STARTUP_FAILURE for worker in workers.processes):
        sys.exit(STARTUP_FAILURE)


def free_slots(settings: Settings) -> int | None:
    """The connections that PostgreSQL has for a service like this one; None when it does not say."""
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
    """Smaller pools, also in the environment of the workers, where all of them together are more than `free`.

    Overflow is given up first, then the pool, the connections for single statements last.
    """
    probe = 1  # the health check has a connection of its own
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
    """The settings, one a line, without secrets."""
    rows = [(name.upper(), _shown(getattr(settings, name))) for name in Settings.model_fields]
    width = max(len(name) for name, _ in rows)
    return "\n" + "".join(f"  {name:<{width}}  {value}\n" for name, value in rows) + "\n"


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "(set)" if value.get_secret_value() else "-"
    if isinstance(value, tuple):
        return ", ".join(value)
    return "-" if value is None else str(value)


if __name__ == "__main__":
    main()
