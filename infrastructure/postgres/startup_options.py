"""Start-up options of the service's connections. A check before the start finds out whether a pooler allows them."""

import logging
import sys
from contextlib import closing, suppress
from typing import Any

import psycopg2
from sqlalchemy.engine import URL

from config.settings import Settings
from infrastructure.postgres.urls import driver_arguments, place_of
from infrastructure.texts import one_line

logger = logging.getLogger(__name__)

STATEMENT_POOLING = (
    "The database {} allows no transactions: {}. If it is PgBouncer, set its pool_mode to transaction or session."
)


def service_options(settings: Settings) -> dict[str, str]:
    """Return the settings of PostgreSQL on which the service relies, or which make it faster."""
    return {
        "statement_timeout": f"{int(settings.db_statement_timeout * 1000)}ms",
        "lock_timeout": f"{int(settings.db_lock_timeout * 1000)}ms",
        "idle_in_transaction_session_timeout": "10s",
        # The server ends sessions whose client is gone without a word: after 4 s.
        "tcp_keepalives_idle": "3",
        "tcp_keepalives_interval": "1",
        "tcp_keepalives_count": "2",
        "tcp_user_timeout": "3s",
        "client_connection_check_interval": "2s",
        "timezone": "UTC",
        "plan_cache_mode": "force_generic_plan",  # only statements that one plan suits for all parameters are prepared
        "jit": "off",  # it is triggered by branches of a list statement that seldom run, and costs more than they do
    }


def joined_options(settings: Settings) -> str:
    """Return the options of the URL and those of the service. If both set the same one, that of the service counts."""
    given = settings.sqlalchemy_url().query.get("options", ())
    own = service_options(settings) if settings.db_startup_options else {}
    return " ".join([*([given] if isinstance(given, str) else given), *(f"-c {name}={own[name]}" for name in own)])


def usable_settings(settings: Settings) -> Settings:
    """Return the settings, without start-up options if a pooler refuses them. Log what the role then lacks.

    Exits with one line if the pooler works in statement mode. Changes nothing while the database is away.
    """
    url = settings.sqlalchemy_url()
    refuse_statement_pooling(url, settings.db_connect_timeout)
    if settings.db_startup_options and _connects(settings):
        return settings
    without = settings.model_copy(update={"db_startup_options": False})
    if not _connects(without):
        return settings
    if missing := _missing_settings(without):
        refused = " because the server or its pooler refuses them" if settings.db_startup_options else ""
        logger.warning(
            "connections have no start-up options%s. Give the role %s these settings with ALTER ROLE … SET: %s",
            *(refused, url.username, ", ".join(missing)),
        )
    return without


def refuse_statement_pooling(url: URL, connect_seconds: int) -> None:
    """Exit with one line if the server runs single statements and no transactions, as PgBouncer in statement mode."""
    is_answering = False
    try:
        with closing(_connect(url, connect_seconds)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute("SELECT 1")
            is_answering = True
            cursor.execute("BEGIN")
            cursor.execute("ROLLBACK")
    except psycopg2.OperationalError as error:
        if is_answering:
            sys.exit(STATEMENT_POOLING.format(place_of(url), one_line(str(error).strip())))


def _connects(settings: Settings) -> bool:
    options = {"options": joined_options(settings)}
    try:
        _connect(settings.sqlalchemy_url(), settings.db_connect_timeout, **options).close()
    except psycopg2.OperationalError as error:
        logger.debug("the database refuses a connection: %s", str(error).strip())
        return False
    return True


def _missing_settings(settings: Settings) -> list[str]:
    """Return `name=value` for each setting that the sessions of the service do not have."""
    missing = []
    with closing(_connect(settings.sqlalchemy_url(), settings.db_connect_timeout)) as connection:
        for name, value in service_options(settings).items():
            with connection.cursor() as cursor, suppress(psycopg2.Error):  # a setting that the server does not know
                cursor.execute(f"SHOW {name}")
                before = cursor.fetchone()
                cursor.execute(f"SET LOCAL {name} = '{value}'")
                cursor.execute(f"SHOW {name}")
                if cursor.fetchone() != before:
                    missing.append(f"{name}={value}")
            connection.rollback()
    return missing


def _connect(url: URL, connect_seconds: int, **changes: str) -> Any:
    given = {name: value for name, value in changes.items() if value}
    return psycopg2.connect(**{**driver_arguments(url), "connect_timeout": connect_seconds, **given})
