"""Migrations: they agree with the models, can be reverted, and may run from several instances at once."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from pydantic import SecretStr
from sqlalchemy import Column, Connection, Engine, Integer, Table, create_engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

import models
from config.database import base
from config.settings import Settings
from infrastructure.embedded.ports import free_port
from infrastructure.embedded.servers import SUPERUSER
from infrastructure.postgres.database import Database
from infrastructure.postgres.roles import OWNER
from migrations.roles import prepare
from migrations.runner import alembic_config, make, migrate
from tests.database import found
from tests.servers import PASSWORD, ROOT, address, postgres_server, superuser_url, until

# Queries for all definitions of a schema, in a form that is comparable between databases.
OBJECTS = {
    "columns": """
        SELECT table_name, column_name, data_type, character_maximum_length, numeric_precision, numeric_scale,
               is_nullable, column_default, identity_generation
        FROM information_schema.columns JOIN pg_class ON pg_class.oid = table_name::text::regclass
        WHERE table_schema = 'public' AND NOT relispartition
    """,
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conparentid = 0
    """,
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "sequences": "SELECT sequencename, data_type::text FROM pg_sequences WHERE schemaname = 'public'",
    "triggers": "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal",
    "functions": """
        SELECT proname, prosrc, pg_get_function_sqlbody(oid) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c')
    """,
}

OPERATIONS = (ROOT / "docs/OPERATIONS.md").read_text()
SEARCH_INDEXES = "_trgm", "bucket_words"
BEFORE_UPGRADE = re.findall("CREATE INDEX CONCURRENTLY ix_orders_status_date.*", OPERATIONS)
FOR_EXTENSIONS = next(
    block for block in re.findall(r"```sql\n(.*?)```", OPERATIONS, re.DOTALL) if "CREATE EXTENSION" in block
).splitlines()


def schema(connection: Connection, *kinds: str) -> dict[str, set[tuple[Any, ...]]]:
    found = {kind: {tuple(row) for row in connection.execute(text(OBJECTS[kind]))} for kind in kinds or OBJECTS}
    own = {"alembic_version", "alembic_version_pkc"}
    return {kind: {row for row in rows if own.isdisjoint(row)} for kind, rows in found.items()}


def without_partitions(rows: set[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    """Return the rows of a schema that belong to no partition, in the form that they have without partitions."""
    own = {row for row in rows if not row[0].endswith("_first")}
    return {tuple(part.replace(" ON ONLY ", " ON ") if isinstance(part, str) else part for part in row) for row in own}


@contextmanager
def new_database(settings: Settings, name: str) -> Iterator[tuple[Settings, Engine]]:
    """Create an empty database on the server of this run, and drop it afterwards. The engine is that of its owner."""
    server = create_engine(superuser_url(settings), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0 OWNER {OWNER}"))
    there = settings.model_copy(update={"postgres_db": name})
    prepare(there, SUPERUSER, PASSWORD)
    try:
        yield there, create_engine(there.migration_url(), poolclass=NullPool)
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@contextmanager
def populated_database(settings: Settings, name: str, revision: str, rows: str) -> Iterator[tuple[Settings, Engine]]:
    """Create a database of an earlier version, with rows that SQL statements insert, and drop it afterwards."""
    with new_database(settings, name) as (there, engine):
        migrate(there, revision)
        run(engine, rows)
        yield there, engine


def run(engine: Engine, statements: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(statements)


def single_role(settings: Settings, name: str = SUPERUSER, password: str = PASSWORD) -> Settings:
    """Return settings in which one role migrates and serves."""
    update = {"postgres_user": name, "postgres_password": SecretStr(password), "postgres_owner": None}
    return settings.model_copy(update=update)


@pytest.fixture
def empty(settings: Settings) -> Iterator[tuple[Settings, Engine]]:
    with new_database(settings, "empty") as made:
        yield made


def test_the_models_and_the_migrations_agree(settings: Settings, committing: Database) -> None:
    assert models.__all__
    with committing.engine.connect() as connection:
        command.check(alembic_config(connection))


def test_indexes_built_by_hand_are_kept(empty: tuple[Settings, Engine], committing: Database) -> None:
    """Build the index before the migration with the command of the documentation, which allows writes meanwhile."""
    settings, engine = empty
    migrate(settings, "0004")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        before = schema(connection, "indexes")["indexes"]
        for build in BEFORE_UPGRADE:
            connection.execute(text(build))
        built = schema(connection, "indexes")["indexes"]
        migrate(settings)
        taken_over = schema(connection, "indexes")["indexes"]
    with committing.engine.connect() as connection:
        assert taken_over == schema(connection, "indexes")["indexes"]
    kept, old = ({row[:2] for row in indexes} for indexes in (built & without_partitions(taken_over), before))
    assert len(BEFORE_UPGRADE) == len(kept - old) == 1


def test_searches_work_without_extensions(
    empty: tuple[Settings, Engine], committing: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Expect warnings at each start until the commands of the documentation have been run."""
    settings, _ = empty
    own = single_role(settings, "plain", "plain")
    engine = create_engine(superuser_url(settings), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE ROLE plain LOGIN PASSWORD 'plain'; GRANT ALL ON SCHEMA public TO plain"))
    try:
        migrate(own)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            assert not [row for row in schema(connection, "indexes")["indexes"] if row[1].endswith(SEARCH_INDEXES)]
            connection.execute(text("INSERT INTO categories (name) VALUES ('x')"))
            products = "('Ukul\u00e9l\u00e9 \u00d8', 1, 1), ('x', 1, 1)"
            connection.execute(text(f"INSERT INTO products (name, price, category_id) VALUES {products}"))
            assert [found(connection, q) for q in ("ukulele", "ukul\u00e9l\u00e9", "\u00f8 uku", "o uku")] == [
                1,
                1,
                1,
                0,
            ]
            for command_line in FOR_EXTENSIONS:
                connection.exec_driver_sql(command_line.replace("%", "%%"))
            assert [found(connection, q) for q in ("ukulele", "\u00f8 uku", "o uku")] == [1, 1, 1]
        with engine.connect() as connection:
            by_hand = schema(connection)
        migrate(own)
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP OWNED BY plain; DROP ROLE plain"))
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "searches read whole tables: the database lacks pg_trgm, btree_gin or their indexes",
        "searches tell letters such as \u00f8 and o apart: the database lacks unaccent, or fold_search without it",
    ]
    with committing.engine.connect() as connection:
        assert by_hand == schema(connection)


def test_models_and_migrations_agree_beyond_alembic_s_check(
    empty: tuple[Settings, Engine], committing: Database
) -> None:
    """Compare checks, defaults and all names."""
    kinds = "columns", "constraints", "indexes", "sequences"
    with empty[1].begin() as connection:
        for function in ("fold_case", "fold_search"):  # models refer to functions that only migrations create
            connection.execute(text(f"CREATE FUNCTION {function}(text) RETURNS text IMMUTABLE RETURN lower($1)"))
        base.metadata.create_all(connection)
        from_models = {kind: without_partitions(rows) for kind, rows in schema(connection, *kinds).items()}
    with committing.engine.connect() as connection:
        from_migrations = schema(connection, *kinds)
    from_migrations["indexes"] = {row for row in from_migrations["indexes"] if not row[1].endswith(SEARCH_INDEXES)}
    for kind in kinds:  # the next version drops this column
        from_migrations[kind] = {row for row in from_migrations[kind] if "supplied" not in " ".join(map(str, row))}
    assert from_models == {kind: without_partitions(rows) for kind, rows in from_migrations.items()}


def test_migrations_can_be_reverted(empty: tuple[Settings, Engine]) -> None:
    settings, engine = empty
    migrate(settings)
    with engine.connect() as connection:
        before = schema(connection)
        command.downgrade(alembic_config(connection), "base")
        connection.commit()
        assert not any(schema(connection).values())
        migrate(settings)
        assert schema(connection) == before
        assert before["triggers"]


def test_second_run_changes_nothing(settings: Settings, committing: Database) -> None:
    with committing.engine.connect() as connection:
        before = schema(connection)
    migrate(settings)
    with committing.engine.connect() as connection:
        assert schema(connection) == before


def test_database_of_a_later_version_is_unchanged(
    empty: tuple[Settings, Engine], caplog: pytest.LogCaptureFixture
) -> None:
    """Start an instance of an older version, as during an upgrade or after a rollback."""
    settings, engine = empty
    migrate(settings)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    migrate(settings)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "later"
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "the database is ahead of this version, at migration later: nothing to do"
    ]


def last_number(versions: Iterable[Path]) -> int:
    return max(int(file.name[:4]) for file in versions)


def test_new_table_gets_the_updated_at_trigger(
    empty: tuple[Settings, Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, engine = empty
    folder = shutil.copytree(ROOT / "migrations", tmp_path / "migrations")
    monkeypatch.setattr("migrations.runner.FOLDER", folder)
    last = last_number(folder.glob("versions/*.py"))
    shelves = Table("shelves", base.metadata, Column("id_key", Integer, primary_key=True))
    try:
        make(settings, "shelves")
    finally:
        base.metadata.remove(shelves)
    assert (folder / "versions" / f"{last + 1:04d}_shelves.py").exists()
    migrate(settings)
    with engine.connect() as connection:
        assert ("shelves", "keep_updated_at") in schema(connection, "triggers")["triggers"]


def test_commands_of_alembic(empty: tuple[Settings, Engine], tmp_path: Path) -> None:
    """Run them as a user does, on the database of the settings. A copy of the project gets the new migration."""
    settings, engine = empty

    def alembic(folder: Path, *arguments: str) -> str:
        environment = os.environ | {
            "POSTGRES_DB": settings.postgres_db,
            "PYTHONPATH": "" if folder == ROOT else str(ROOT),
        }
        call = [str(Path(sys.executable).with_name("alembic")), *arguments]
        done = subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr

    assert "Running upgrade  -> 0001" in alembic(ROOT, "upgrade", "head")
    with engine.connect() as connection:
        command.check(alembic_config(connection))
    shutil.copy(ROOT / "alembic.ini", tmp_path)
    versions = shutil.copytree(ROOT / "migrations", tmp_path / "migrations") / "versions"
    before = set(versions.glob("*.py"))
    alembic(tmp_path, "revision", "--autogenerate", "-m", "nothing new")
    [made] = set(versions.glob("*.py")) - before
    assert made.name == f"{last_number(before) + 1:04d}_nothing_new.py"
    assert made.read_text().count("\n    pass\n") == 2, "models and database agree"
    alembic(ROOT, "downgrade", "-1")
    with engine.connect() as connection:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    assert version == f"{len(before) - 1:04d}"


def test_several_instances_may_start_at_once(empty: tuple[Settings, Engine], tmp_path: Path) -> None:
    settings, engine = empty
    environment = os.environ | {"POSTGRES_DB": settings.postgres_db, "PYTHONPATH": str(ROOT)}
    command_line = [sys.executable, "-m", "migrations.runner"]
    processes = [
        subprocess.Popen(command_line, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(3)
    ]
    threads = [threading.Thread(target=migrate, args=(settings,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    said = [process.communicate(timeout=120)[0].decode() for process in processes]
    for thread in threads:
        thread.join(120)
    assert [process.returncode for process in processes] == [0, 0, 0], said
    with engine.connect() as connection:
        assert "products" in {row[0] for row in schema(connection, "columns")["columns"]}
        command.check(alembic_config(connection))


def test_start_waits_for_the_database(settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    later = settings.model_copy(update={"postgres_port": port})
    starting = threading.Thread(target=migrate, args=(later,))
    with caplog.at_level("WARNING"):
        starting.start()
        until(lambda: "the database is down, waiting for it" in caplog.text)
    with postgres_server(tmp_path / "postgres", port) as server:
        starting.join(60)
        assert not starting.is_alive()
        assert address(server)["POSTGRES_PASSWORD"] == settings.postgres_password.get_secret_value()
        with create_engine(superuser_url(later), poolclass=NullPool).connect() as connection:
            assert schema(connection, "sequences")["sequences"]
    assert caplog.text.count("the database is down") == 1


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO products (name, price, category_id) VALUES ('x', 0, 1)",
        "INSERT INTO products (name, price, stock, category_id) VALUES ('x', 1, -1, 1)",
        "INSERT INTO products (name, price, category_id) VALUES ('x', 1, 99)",
        "INSERT INTO bills (bill_number, date, total, payment_type) VALUES ('x', now(), -1, 'cash')",
        "INSERT INTO bills (bill_number, date, total, discount, payment_type) VALUES ('x', now(), 1, -1, 'cash')",
        "INSERT INTO bills (bill_number, date, total, payment_type) VALUES ('x', now(), 1, 'gold')",
        "INSERT INTO orders (date, total, delivery_method, client_id, bill_id) VALUES (now(), 1, 4, 1, 1)",
        "INSERT INTO orders (date, total, delivery_method, status, client_id, bill_id) VALUES (now(), 1, 1, 0, 1, 1)",
        "INSERT INTO orders (date, total, delivery_method, client_id, bill_id) VALUES (now(), -1, 1, 1, 1)",
        "INSERT INTO order_details (quantity, price, order_id, product_id) VALUES (0, 1, 1, 1)",
        "INSERT INTO order_details (quantity, price, order_id, product_id) VALUES (1, 0, 1, 1)",
        "INSERT INTO reviews (rating, product_id) VALUES (5.1, 1)",
        "INSERT INTO reviews (rating, product_id) VALUES (-0.1, 1)",
        "INSERT INTO reviews (rating, product_id) VALUES ('NaN', 1)",
        "INSERT INTO clients (name, lastname, email) VALUES ('x', 'y', 'a@b.co'), ('x', 'y', 'A@B.CO')",
        "INSERT INTO categories (name) VALUES ('x'), ('x')",
        "INSERT INTO categories (name) VALUES (NULL)",
    ],
)
def test_database_enforces_the_rules(committing: Database, statement: str) -> None:
    """Write without the service, within the same rules."""
    with committing.engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(text(statement))
