"""Checks of PostgreSQL with the role of the service."""

import time
from collections.abc import Callable, Iterator

from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from config.settings import Settings
from infrastructure.postgres.replication.addresses import settings_of_replicas
from infrastructure.postgres.roles import warn_of_superuser
from infrastructure.postgres.startup_options import usable_settings
from infrastructure.postgres.urls import place_of
from infrastructure.texts import message_of
from migrations.runner import EXTENSIONS, alembic_config, check_encoding
from migrations.unprivileged import current_revision, revisions
from run_production import ConnectionLimit, connection_limit, fit_connections, fit_replica_connections
from scripts.doctor.findings import Finding, clock_finding, collected_warnings, findings_of_start
from scripts.doctor.rights import rights_finding

AREA = "PostgreSQL"
MIN_VERSION = 140000  # the first with CREATE OR REPLACE TRIGGER and functions with a SQL body
MIGRATE = "Run ./shop migrate, or make migrate."


def findings(settings: Settings) -> Iterator[Finding]:
    """Yield the findings about the primary, and then those about each replica."""
    engine = create_engine(
        settings.sqlalchemy_url(),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",  # a failed statement must not fail the next checks
        connect_args={"connect_timeout": settings.db_connect_timeout},
    )
    place, role = place_of(engine.url), engine.url.username
    try:
        with engine.connect() as connection:
            yield Finding(AREA, "connection", "ok", f"{place}, as the role {role}")
            yield from server_findings(connection)
            yield from findings_of_start(AREA, "encoding", lambda: check_encoding(connection), "UTF8")
            yield from schema_findings(connection)
    except DBAPIError as error:
        reason = message_of(error.orig)
        remedy = "Start it, or correct POSTGRES_HOST and the related settings, or DATABASE_URL."
        yield Finding(AREA, "connection", "failed", f"{place}: {reason}", remedy)
        return
    yield from start_findings(settings)
    for replica in settings_of_replicas(settings):
        yield replica_finding(replica)


def server_findings(connection: Connection) -> Iterator[Finding]:
    version, is_new_enough, is_standby = connection.execute(
        text(f"SELECT version(), current_setting('server_version_num')::int >= {MIN_VERSION}, pg_is_in_recovery()")
    ).one()
    number = " ".join(version.split()[:2])
    if is_new_enough:
        yield Finding(AREA, "version", "ok", number)
    else:
        yield Finding(AREA, "version", "failed", f"{number} is too old", f"Upgrade to {MIN_VERSION // 10000} or newer.")
    if is_standby:
        remedy = "Name the primary, or all servers and target_session_attrs=primary in DATABASE_URL."
        yield Finding(AREA, "server", "failed", "a standby, which refuses writes", remedy)
    before = time.time()
    server: float = connection.execute(text("SELECT extract(epoch FROM clock_timestamp())::float8")).scalar_one()
    yield clock_finding(AREA, server - (before + time.time()) / 2)


def schema_findings(connection: Connection) -> Iterator[Finding]:
    """Yield the findings about migrations, and those that need migrated tables."""
    scripts = ScriptDirectory.from_config(alembic_config(connection))
    current, needed = current_revision(connection), scripts.get_current_head()
    if current is None or current in revisions(scripts) - {needed}:
        at = f"at migration {current}" if current else "not migrated, or this role may not read its version"
        yield Finding(AREA, "migrations", "failed", f"the database is {at}; this version needs {needed}", MIGRATE)
        yield from (Finding(AREA, check, "skipped", "needs the migrations") for check in ("rights", "extensions"))
        return
    if current == needed:
        yield Finding(AREA, "migrations", "ok", f"at migration {current}")
    else:
        yield Finding(AREA, "migrations", "warning", f"ahead of this version ({needed}), at migration {current}")
    yield rights_finding(connection)
    missing = [warning for is_there, warning in EXTENSIONS.items() if not connection.scalar(text(is_there))]
    for warning in missing:
        remedy = "Run the statements of docs/OPERATIONS.md#extensions-and-encoding as the owner of the tables."
        yield Finding(AREA, "extensions", "warning", warning, remedy)
    if not missing:
        yield Finding(AREA, "extensions", "ok", "pg_trgm, btree_gin and unaccent are used")


def start_findings(settings: Settings) -> Iterator[Finding]:
    """Yield the findings of the checks that each start makes."""
    with collected_warnings():
        limit = connection_limit(settings)
        fitted = fit_connections(settings, limit)
    checks: tuple[tuple[str, Callable[[], object], str], ...] = (
        ("role", lambda: warn_of_superuser(settings), "is no superuser"),
        ("session", lambda: usable_settings(settings), "timeouts and transactions as the service needs them"),
        ("connections", lambda: fit_connections(settings, limit), budget(settings, limit, fitted)),
        ("replicas", lambda: fit_replica_connections(settings), f"{len(settings_of_replicas(settings))} configured"),
    )
    for check, run, detail in checks:
        if check != "replicas" or settings_of_replicas(settings):
            yield from findings_of_start(AREA, check, run, detail)


def budget(settings: Settings, limit: ConnectionLimit | None, fitted: dict[str, int]) -> str:
    """Describe the budget of connections, and how the launcher fits the pools into it."""
    if limit is None:
        return "the limit cannot be read"
    sizes = ", ".join(f"{name.upper()}={size}" for name, size in fitted.items())
    effect = f"so the launcher uses {sizes}" if fitted else f"enough for UVICORN_WORKERS={settings.uvicorn_workers}"
    return f"{limit.source} allows {limit.connections}, {effect}"


def replica_finding(replica: Settings) -> Finding:
    url = replica.sqlalchemy_url()
    engine = create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": replica.db_connect_timeout})
    try:
        with engine.connect() as connection:
            is_standby = connection.scalar(text("SELECT pg_is_in_recovery()"))
    except DBAPIError as error:
        reason = message_of(error.orig)
        return Finding(AREA, "replica", "failed", f"{place_of(url)}: {reason}", "Correct DATABASE_REPLICA_URLS.")
    if not is_standby:
        return Finding(AREA, "replica", "warning", f"{place_of(url)} is no standby", "Correct DATABASE_REPLICA_URLS.")
    return Finding(AREA, "replica", "ok", place_of(url))
