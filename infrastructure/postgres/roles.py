"""The service's two roles in PostgreSQL: the owner migrates the tables, and the service's own role only uses them.

An administrator prepares them: a superuser, or on a managed server a role with CREATEROLE that owns the database. What
the service's role may do with each table is a part of every migration (`migrations/rights.py`).
"""

import logging
from contextlib import closing
from typing import NamedTuple

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 # a class in spite of its case
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from psycopg2.extensions import encrypt_password

from config.settings import Settings
from infrastructure.postgres.urls import driver_arguments

logger = logging.getLogger(__name__)

# The names in the embedded servers and in deploy/.
OWNER, SERVICE, MONITOR = "ecommerce_owner", "ecommerce_app", "ecommerce_monitor"

LOCK = "SELECT pg_advisory_lock(x'524f4c45'::int)"  # arbitrary; it ends with the connection
# The last one hands over the migrations' own table, so that an interrupted handover is completed by the next one.
FOREIGN_OBJECTS = """
    WITH old AS (SELECT relowner AS owner FROM pg_class WHERE oid = to_regclass('public.alembic_version'))
    SELECT kind, object FROM old, LATERAL (
        SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, c.oid::regclass::text AS object,
            'pg_class'::regclass AS catalog, c.oid, relowner AS owner, relname = 'alembic_version' AS is_last
        FROM pg_class AS c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S', 'v', 'm')
        UNION ALL
        SELECT 'ROUTINE', oid::regprocedure::text, 'pg_proc'::regclass, oid, proowner, false
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    ) AS objects
    WHERE objects.owner = old.owner AND old.owner <> to_regrole(%(owner)s) AND NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = catalog AND objid = objects.oid
            AND (deptype = 'e' OR kind = 'SEQUENCE' AND deptype IN ('a', 'i'))
    )
    ORDER BY is_last, object
"""
DATABASE_RIGHTS = """
    GRANT CONNECT, CREATE ON DATABASE {database} TO {owner};
    GRANT CONNECT ON DATABASE {database} TO {service};
    REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC;
    GRANT USAGE, CREATE ON SCHEMA public TO {owner};
    GRANT USAGE ON SCHEMA public TO {service};
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
"""


class Role(NamedTuple):
    name: str
    password: str
    """Empty leaves the password of an existing role as it is."""


def prepare_roles(connection: Connection, owner: Role, service: Role) -> None:
    """Create both roles or set their passwords, and give the connection's database to the owner. Repeatable.

    Commits each step, so that the handover of a running service's tables locks one table at a time. The owner may be
    the role of the connection, whose password stays. Objects of other roles than that of the migrations stay theirs.
    """
    connection.autocommit = True
    with closing(connection.cursor()) as cursor:
        cursor.execute(LOCK)
        for role in (owner, service):
            if role.name != connection.info.user:
                _prepare_role(cursor, role)
        names = {"owner": owner.name, "service": service.name, "database": connection.info.dbname}
        cursor.execute(sql.SQL(DATABASE_RIGHTS).format(**{key: sql.Identifier(name) for key, name in names.items()}))
        if owner.name != connection.info.user and connection.info.parameter_status("is_superuser") == "off":
            # Only a member of a role may give it objects.
            cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(owner.name)))
        cursor.execute(FOREIGN_OBJECTS, {"owner": sql.Identifier(owner.name).as_string(cursor)})
        for kind, name in cursor.fetchall():
            change = sql.SQL(f"ALTER {kind} {name} OWNER TO {{}}")  # PostgreSQL has quoted the name
            cursor.execute(change.format(sql.Identifier(owner.name)))


def prepare_monitor(connection: Connection, monitor: Role) -> None:
    """Create the role of an exporter of metrics or set its password. It reads PostgreSQL's statistics, and no table."""
    connection.autocommit = True
    with closing(connection.cursor()) as cursor:
        cursor.execute(LOCK)
        _prepare_role(cursor, monitor)
        grant = sql.SQL("GRANT pg_monitor TO {0}; GRANT CONNECT ON DATABASE {1} TO {0}")
        cursor.execute(grant.format(sql.Identifier(monitor.name), sql.Identifier(connection.info.dbname)))


def _prepare_role(cursor: Cursor, role: Role) -> None:
    """Create the role or set its password. The server and its log get the hash only."""
    cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [role.name])
    change = "ALTER ROLE {} LOGIN" if cursor.rowcount else "CREATE ROLE {} LOGIN"
    if role.password:
        change += " PASSWORD {}"
    password = encrypt_password(role.password, role.name, cursor.connection) if role.password else ""
    cursor.execute(sql.SQL(change).format(sql.Identifier(role.name), sql.Literal(password)))


def warn_of_superuser(settings: Settings) -> None:
    """Warn if the service's role is a superuser. A server that is away is reported by the first request."""
    address = {"connect_timeout": settings.db_connect_timeout, **driver_arguments(settings.sqlalchemy_url())}
    try:
        with closing(psycopg2.connect(**address)) as connection:
            if connection.info.parameter_status("is_superuser") == "on":
                warning = (
                    "the service is the superuser %s of PostgreSQL: give it its own role, docs/OPERATIONS.md#roles"
                )
                logger.warning(warning, connection.info.user)
    except psycopg2.OperationalError as error:
        logger.debug("the service's role is not checked: %s", str(error).strip())
