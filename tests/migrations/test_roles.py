"""The two roles: the service's own one has exactly the rights that it needs, and the owner keeps the tables."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg2.errors import InsufficientPrivilege
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from config.settings import Settings
from infrastructure.embedded.servers import SUPERUSER
from infrastructure.postgres.database import Database
from infrastructure.postgres.roles import MONITOR, OWNER, SERVICE, warn_of_superuser
from migrations.roles import prepare
from migrations.runner import migrate
from tests.migrations.test_migrations import new_database, single_role
from tests.servers import PASSWORD, ROOT, environment_without_settings, superuser_url, until

NOTHING: set[str] = set()
READS, ADDS, WRITES = {"SELECT"}, {"SELECT", "INSERT"}, {"SELECT", "INSERT", "UPDATE", "DELETE"}
TABLES = {
    **dict.fromkeys(("addresses", "bills", "categories", "clients", "order_details", "orders", "products"), WRITES),
    **dict.fromkeys(("payment_operations", "payments", "primary_server"), WRITES - {"DELETE"}),
    **dict.fromkeys(("webhook_claims", "webhook_deliveries", "webhook_endpoints"), WRITES),
    **dict.fromkeys(("audit", "audit_keys", "event_queue", "order_status_changes", "stock_movements"), ADDS),
    **dict.fromkeys(("alembic_version", "audit_seals", "events"), READS),
    **dict.fromkeys(("audit_first", "order_status_changes_first"), NOTHING),
    **dict.fromkeys(("api_keys", "idempotency_keys", "order_hold", "reviews", "shipment_lines", "shipments"), WRITES),
    **dict.fromkeys(("credit_note_numbers", "return_lines", "returns"), WRITES),
    **dict.fromkeys(("credit_notes", "product_words", "shipment_events", "shipping_addresses"), ADDS),
}
"""Add a new table here after deciding what the service may do with it."""

# Effective rights, also those of everyone. Extensions have their own objects.
ROUTINES = """
    SELECT oid FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proowner = to_regrole(:owner)
"""
RIGHTS = {
    "tables": """
        SELECT relname, array_agg(kind) FILTER (WHERE has_table_privilege(:role, c.oid, kind))
        FROM pg_class AS c, unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS kind
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f') GROUP BY 1
    """,
    "sequences": """
        SELECT relname, array_agg(kind) FILTER (WHERE has_sequence_privilege(:role, c.oid, kind))
        FROM pg_class AS c, unnest('{USAGE,SELECT,UPDATE}'::text[]) AS kind
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'S' GROUP BY 1
    """,
}
REFUSED = (
    "UPDATE audit SET status = 200",
    "DELETE FROM audit",
    "TRUNCATE audit",
    "DELETE FROM order_status_changes",
    "DELETE FROM payments",
    "UPDATE stock_movements SET quantity = 1",
    "UPDATE events SET type = 'mine'",
    "DELETE FROM events",
    "DELETE FROM event_queue",
    "ALTER TABLE products DISABLE TRIGGER record_stock",
    "UPDATE alembic_version SET version_num = '0001'",
    "TRUNCATE products CASCADE",
    "SELECT setval('products_id_key_seq', 1)",
    "CREATE TABLE mine (n int)",
    "CREATE TEMPORARY TABLE mine (n int)",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql RETURN 1",
    "CREATE SCHEMA mine",
    "ALTER TABLE audit DISABLE TRIGGER ALL",
    "DROP TRIGGER note_order_status ON orders",
    "CREATE EXTENSION pg_stat_statements",
    "SET session_replication_role = replica",
    f"ALTER ROLE {SERVICE} SUPERUSER",
    "CREATE ROLE mine",
    "COPY categories TO PROGRAM 'cat'",
    "SELECT pg_read_file('PG_VERSION')",
)


@pytest.fixture
def empty(settings: Settings) -> Iterator[tuple[Settings, Engine]]:
    """Yield an empty database with an engine of the superuser."""
    with new_database(settings, "roles") as (there, _):
        yield there, create_engine(superuser_url(there), poolclass=NullPool)


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def rights(engine: Engine, kind: str, role: str = SERVICE) -> dict[str, set[str]]:
    with engine.connect() as connection:
        return {name: set(found or ()) for name, found in connection.execute(text(RIGHTS[kind]), {"role": role})}


def owners(engine: Engine) -> dict[str, str]:
    """Return the owner of each table, sequence and function that belongs to no extension."""
    catalogs = (("pg_class", "relname", "rel", "relkind IN ('r', 'p', 'S')"), ("pg_proc", "proname", "pro", "true"))
    query = " UNION ALL ".join(
        f"SELECT {name}, pg_get_userbyid({prefix}owner) FROM {catalog} AS c"
        f" WHERE {prefix}namespace = 'public'::regnamespace AND {where} AND NOT EXISTS ("
        f"SELECT FROM pg_depend WHERE classid = '{catalog}'::regclass AND objid = c.oid AND deptype = 'e')"
        for catalog, name, prefix, where in catalogs
    )
    with engine.connect() as connection:
        return dict(connection.execute(text(query)).tuples().all())


def service_engine(settings: Settings) -> Engine:
    return create_engine(settings.sqlalchemy_url(), poolclass=NullPool)


def test_the_service_has_exactly_these_rights(superuser: Engine) -> None:
    assert rights(superuser, "tables") == TABLES
    used = {name: found for name, found in rights(superuser, "sequences").items() if found}
    assert used == {"bill_number_seq": {"USAGE"}, "webhook_position_seq": {"USAGE"}}
    with superuser.connect() as connection:
        role = connection.execute(
            text(
                "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles"
                " WHERE rolname IN (:owner, :service)"
            ),
            {"owner": OWNER, "service": SERVICE},
        )
        assert {any(row) for row in role} == {False}
        missing = "SELECT count(*) FROM pg_proc WHERE oid IN ({}) AND NOT has_function_privilege(:role, oid, 'EXECUTE')"
        not_triggers = f"{ROUTINES} AND prorettype <> 'trigger'::regtype"
        names = {"role": SERVICE, "owner": OWNER}
        assert connection.scalar(text(missing.format(not_triggers)), names) == 0
    assert set(owners(superuser).values()) == {OWNER}


def test_functions_with_the_owner_s_rights_are_safe(superuser: Engine) -> None:
    """Require a fixed search_path, and that not everyone may call them."""
    unsafe = """
        SELECT oid::regprocedure::text FROM pg_proc AS p WHERE prosecdef AND pronamespace = 'public'::regnamespace AND (
            NOT coalesce(proconfig::text LIKE '%search_path=%', false) OR EXISTS (
                SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0))
    """
    with superuser.connect() as connection:
        assert connection.scalars(text(unsafe)).all() == []


@pytest.mark.parametrize("statement", REFUSED)
def test_the_service_is_refused(committing: Database, statement: str) -> None:
    with committing.engine.connect() as connection, pytest.raises(ProgrammingError) as refused:
        connection.execute(text(statement))
    assert isinstance(refused.value.orig, InsufficientPrivilege)


LATER = (
    "CREATE TABLE wishes (id_key int GENERATED BY DEFAULT AS IDENTITY, day date) PARTITION BY RANGE (day)",
    "CREATE TABLE wishes_2026 PARTITION OF wishes FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    "CREATE SEQUENCE wish_seq",
    "CREATE FUNCTION seal() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog RETURN 1",
    "GRANT TRUNCATE ON audit TO ecommerce_app",
    "REVOKE SELECT ON products FROM ecommerce_app",
)


def test_later_objects_get_their_rights_and_wrong_rights_are_corrected(empty: tuple[Settings, Engine]) -> None:
    settings, engine = empty
    migrate(settings)
    run(create_engine(settings.migration_url(), poolclass=NullPool), *LATER)
    migrate(settings)
    assert rights(engine, "tables") == TABLES | {"wishes": WRITES, "wishes_2026": set()}
    assert rights(engine, "sequences")["wish_seq"] == {"USAGE"}
    service = service_engine(settings)
    run(service, "INSERT INTO wishes (day) VALUES ('2026-05-05')", "SELECT seal()")
    with engine.connect() as connection:
        assert not connection.scalar(text("SELECT has_function_privilege('pg_monitor', 'seal()', 'EXECUTE')"))


def test_a_second_migration_changes_no_rights(empty: tuple[Settings, Engine]) -> None:
    """Compare the versions of the catalogs' rows: a start must not write to them."""
    settings, engine = empty
    query = text("SELECT array_agg(xmin::text ORDER BY oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    migrate(settings)
    with engine.connect() as connection:
        before = connection.scalar(query)
        migrate(settings)
        assert connection.scalar(query) == before


def test_the_tables_of_a_single_role_are_handed_over(empty: tuple[Settings, Engine]) -> None:
    """Switch a populated database of the version before, whose only role was the superuser."""
    settings, engine = empty
    alone = single_role(settings)
    migrate(alone)
    assert alone.service_role() is None
    assert set(owners(engine).values()) == {SUPERUSER}
    run(engine, "INSERT INTO categories (name) VALUES ('Toys')", "CREATE TABLE others (n int)")
    run(engine, f"ALTER TABLE others OWNER TO pg_monitor; ALTER TABLE products OWNER TO {OWNER}")  # an interrupted run
    for _ in range(2):
        prepare(settings, SUPERUSER, PASSWORD)
        migrate(settings)
    assert {name for name, owner in owners(engine).items() if owner != OWNER} == {"others"}
    assert rights(engine, "tables") == TABLES | {"others": set()}
    run(service_engine(settings), "UPDATE categories SET name = 'Games'")
    run(engine, "UPDATE categories SET name = 'Books'")  # the previous version still runs
    migrate(alone)


def test_a_start_without_the_owner_waits_for_its_migration(
    empty: tuple[Settings, Engine], caplog: pytest.LogCaptureFixture
) -> None:
    settings, engine = empty
    alone = settings.model_copy(update={"postgres_owner": None})
    needs = f"and the role {SERVICE} may not migrate it (docs/OPERATIONS.md#roles)"
    with pytest.raises(SystemExit, match=r"^the database is at no migration, this version needs \d{4}, ") as stopped:
        migrate(alone, wait_seconds=0)
    assert str(stopped.value).endswith(needs)
    migrate(settings, "0005")
    starting = threading.Thread(target=migrate, args=(alone,))
    starting.start()
    until(lambda: "waiting for a migration: the database is at migration 0005" in caplog.text)
    migrate(settings)
    starting.join(60)
    assert not starting.is_alive()
    assert caplog.text.count("waiting for a migration") == 1
    run(engine, "UPDATE alembic_version SET version_num = 'later'")
    migrate(alone, wait_seconds=0)


def test_a_superuser_is_warned_about(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    warn_of_superuser(settings)
    assert caplog.text == ""
    warn_of_superuser(single_role(settings))
    [record] = caplog.records
    assert record.getMessage() == (
        "the service is the superuser postgres of PostgreSQL: give it its own role, docs/OPERATIONS.md#roles"
    )


def test_a_role_that_is_missing_gets_no_rights(
    empty: tuple[Settings, Engine], caplog: pytest.LogCaptureFixture
) -> None:
    settings, _ = empty
    migrate(settings.model_copy(update={"postgres_user": "no one"}))
    assert 'there is no role "no one", so it gets no rights: docs/OPERATIONS.md#roles' in caplog.text


# --- The command ------------------------------------------------------------------------------------------------------


def test_the_exporter_reads_statistics_only(empty: tuple[Settings, Engine]) -> None:
    """The second run sets another password, as for the other roles."""
    there, superuser = empty
    try:
        for password in ("first", "second"):
            prepare(there, SUPERUSER, PASSWORD, password)
        migrate(there)
        tables = rights(superuser, "tables", MONITOR)
        assert "orders" in tables
        assert not any(tables.values()), tables
        exporter = create_engine(there.sqlalchemy_url().set(username=MONITOR, password="second"), poolclass=NullPool)
        run(exporter, "SELECT pg_database_size(current_database())", "SELECT FROM pg_ls_waldir()")
        with exporter.connect() as connection:
            roles = "SELECT rolname FROM pg_roles JOIN pg_auth_members AS m ON m.roleid = pg_roles.oid"
            member = text(f"{roles} WHERE m.member = to_regrole(current_user)")
            assert connection.scalars(member).all() == ["pg_monitor"]
        with pytest.raises(ProgrammingError, match="permission denied"):
            run(exporter, "CREATE TABLE mine (n int)")
    finally:
        run(superuser, f"DROP OWNED BY {MONITOR}", f"DROP ROLE {MONITOR}")


def command(folder: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=environment_without_settings() | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def managed(settings: Settings, superuser: Engine) -> Iterator[dict[str, str]]:
    """Yield the environment of a service on a server whose administrator is no superuser but owns the database."""
    names = "shop_app", "shop_owner", "shop_admin"
    run(superuser, "CREATE ROLE shop_admin LOGIN CREATEROLE PASSWORD 'admin'", "CREATE DATABASE shop OWNER shop_admin")
    try:
        yield {
            "POSTGRES_HOST": str(settings.postgres_host),
            "POSTGRES_PORT": str(settings.postgres_port),
            "POSTGRES_DB": "shop",
            "POSTGRES_USER": names[0],
            "POSTGRES_PASSWORD": "app's",
            "POSTGRES_OWNER": names[1],
            "POSTGRES_OWNER_PASSWORD": "owner's",
        }
    finally:
        run(superuser, "DROP DATABASE shop WITH (FORCE)")
        for name in names:
            run(superuser, f"DROP ROLE IF EXISTS {name}")


def test_the_command_needs_no_superuser(managed: dict[str, str], superuser: Engine, tmp_path: Path) -> None:
    """Prepare the roles, migrate, read as the service; then change a password."""
    (tmp_path / "password").write_text("admin\n")
    prepare_them = "migrations.roles", "shop_admin", "--password-file", str(tmp_path / "password")
    place = f"{managed['POSTGRES_HOST']}:{managed['POSTGRES_PORT']}/shop"
    for password in ("app's", "new"):
        environment = managed | {"POSTGRES_PASSWORD": password}
        done = command(tmp_path, *prepare_them, **environment)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"{place}: shop_owner owns the tables, shop_app uses them\n"
        done = command(tmp_path, "migrations.runner", **environment)
        assert done.returncode == 0, done.stderr
        assert "WARNING" not in done.stderr  # all extensions are there
        service: dict[str, Any] = {name.lower(): value for name, value in environment.items()}
        engine = service_engine(Settings(_env_file=None, **service))
        assert rights(engine, "tables", "shop_app") == TABLES
        run(engine, "INSERT INTO audit (principal, request_id, method, path, status) VALUES ('', '', '', '', 200)")
    with superuser.connect() as connection:
        stored = connection.scalars(text("SELECT rolpassword FROM pg_authid WHERE rolname LIKE 'shop\\_%'")).all()
    assert all(password.startswith("SCRAM-SHA-256$") for password in stored)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"PGPASSWORD": "wrong"}, "The roles cannot be prepared: .*password authentication failed"),
        ({"POSTGRES_OWNER": ""}, "POSTGRES_OWNER .* and POSTGRES_USER .* must name two roles"),
        ({"POSTGRES_HOST": ""}, "POSTGRES_HOST=: the embedded server prepares its roles itself"),
    ],
)
def test_the_command_ends_with_one_line(
    managed: dict[str, str], tmp_path: Path, environment: dict[str, str], said: str
) -> None:
    done = command(tmp_path, "migrations.roles", "shop_admin", **managed | environment)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert re.match(said, line), line
