"""Parts of both launchers, and the development launcher: one worker that restarts when a source file changes."""

import logging
import signal
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from uvicorn import Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.statreload import StatReload

from config.logging_config import configure_logging
from config.settings import Settings, load_settings
from infrastructure.observability.log import print_notice, stop_logging
from infrastructure.postgres.roles import warn_of_superuser
from infrastructure.postgres.startup_options import usable_settings
from infrastructure.server import listener as listeners
from infrastructure.server.address_limit import AddressLimit
from infrastructure.server.development import mark_development
from infrastructure.server.http_protocol import DeadlineConfig
from infrastructure.servers import available_servers
from migrations.runner import migrate

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")
MAIN = "main:app"
SOURCES = (
    "config",
    "controllers",
    "examples",
    "infrastructure",
    "middleware",
    "models",
    "repositories",
    "schemas",
    "services",
)


@contextmanager
def prepared_service() -> Iterator[tuple[Settings, socket.socket]]:
    """Prepare settings, port, logging, servers and tables. Yield the settings with the addresses of all servers.

    The socket that is yielded with them has the port of the service, but does not listen yet. Leaving the block undoes
    the steps in reverse order. A signal to stop before Uvicorn runs ends the process with exit code 0.
    """
    settings = load_settings()
    listener = listeners.bind(settings)
    for number in (signal.SIGINT, signal.SIGTERM):  # until Uvicorn handles them
        signal.signal(number, lambda *_: sys.exit(0))
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # `nohup` ignores it
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    configure_logging(settings)
    try:
        with available_servers(settings) as addressed:
            migrate(addressed)
            complete = usable_settings(addressed)
            warn_if_open(complete)
            warn_of_superuser(complete)
            yield complete, listener
    finally:
        stop_logging()
        listener.close()


def warn_if_open(settings: Settings) -> None:
    """Warn if web pages or other machines can change data without credentials. The operator may not intend that."""
    if settings.auth_mode == "none" and "*" in settings.cors_origins:
        logger.warning(
            "AUTH_MODE is none and CORS_ORIGINS is *: any page in a browser that reaches this service can change all "
            "data. CORS_ORIGINS= (empty) prevents that."
        )
    if settings.auth_mode != "none" or settings.api_host in LOOPBACK_HOSTS:
        return
    warning = (
        f"AUTH_MODE is none and API_HOST is {settings.api_host}: anyone who reaches this port can change all data."
    )
    logger.warning(warning)
    if settings.log_format == "text":
        edge = "!" * (len(warning) + 6)
        sys.stderr.write(f"\n{edge}\n!! {warning} !!\n{edge}\n\n")


def server_config(settings: Settings, app: str = MAIN, **options: Any) -> DeadlineConfig:
    config = DeadlineConfig(
        app,
        host=settings.api_host,
        port=settings.api_port,
        loop="uvloop",
        ws="none",
        backlog=settings.backlog,
        limit_concurrency=settings.limit_concurrency,
        timeout_keep_alive=settings.timeout_keep_alive,
        timeout_graceful_shutdown=settings.timeout_graceful_shutdown,
        request_header_seconds=settings.timeout_request_header,
        request_body_seconds=settings.timeout_request_body,
        access_log=False,  # the application has its own access log, with request ids and without query strings
        log_config=None,
        proxy_headers=False,  # the application checks TRUSTED_PROXIES itself
        server_header=False,
        workers=1,  # otherwise Uvicorn reads WEB_CONCURRENCY
        **options,
    )
    config.settings = settings
    config.address_limit = AddressLimit(settings.limit_connections_per_address, settings.trusted_proxies)
    return config


def print_addresses(settings: Settings) -> None:
    """Print the URLs in the background as soon as the service answers, so that they follow the log of the start."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.api_host, settings.api_host)  # noqa: S104 # compared
    address = f"http://{f'[{host}]' if ':' in host else host}:{settings.api_port}"

    def wait_and_print() -> None:
        answers = False
        while not answers:
            with suppress(OSError), urllib.request.urlopen(f"{address}/health_check/live", timeout=5):  # noqa: S310
                answers = True
            time.sleep(0.1)
        urls = {"API": address, "Swagger UI": f"{address}/docs", "Health check": f"{address}/health_check"}
        text = "".join(f"\n{name:<12}  {url}" for name, url in urls.items())
        print_notice(settings.log_format, text, "the service answers", urls=urls)

    threading.Thread(target=wait_and_print, name="print-addresses", daemon=True).start()


class SourceReload(StatReload):
    """A reloader that watches the sources of this project, but not .venv, .data or logs."""

    def iter_py_files(self) -> Iterator[Path]:
        yield from ROOT.glob("*.py")
        yield from super().iter_py_files()


def serve_development(app: str = MAIN) -> None:
    """Serve the application that `app` names as `module:attribute`."""
    mark_development(is_development=True)
    with prepared_service() as (settings, listener):
        listeners.listen(listener, settings)
        print_addresses(settings)
        if settings.reload:
            folders = [str(ROOT / folder) for folder in SOURCES]
            config = server_config(settings, app, reload=True, reload_delay=0.5, reload_dirs=folders)
            SourceReload(config, Server(config).run, [listener]).run()
            return
        server = Server(server_config(settings, app))
        server.run([listener])
        if not server.started:
            sys.exit(STARTUP_FAILURE)


if __name__ == "__main__":
    serve_development()
