"""Migration 0015, from a populated database of the version before, and the partitions that follow."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from psycopg2.errors import CheckViolation
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from config.settings import Settings
from migrations.runner import alembic_config, migrate
from repositories.checks.consistency_check import disagreements
from tests.migrations.test_migrations import populated_database, run, schema

BEFORE, AFTER = "0014", "0015"
TABLES = ("audit", "order_status_changes")
SIZE, AHEAD = 50_000_000, 10_000_000
ROWS = """
    INSERT INTO clients (id_key, name, lastname, email) VALUES (1, 'Ann', 'A', 'ann@x.co');
    INSERT INTO bills (id_key, bill_number, date, total, payment_type) VALUES (1, 'B', '2026-01-01', 0, 'cash');
    INSERT INTO orders (date, total, delivery_method, client_id, bill_id)
        SELECT '2026-01-01', 0, 1, 1, 1 FROM generate_series(1, 5);
    UPDATE orders SET status = 2 WHERE id_key = 1;
    INSERT INTO audit (principal, request_id, method, path, status)
        SELECT '', n, 'POST', '/x', 201 FROM generate_series(1, 20) AS n;
    CREATE INDEX by_hand ON audit (status) WHERE path LIKE '%%1';
    GRANT SELECT ON audit TO pg_monitor;
"""
ADD_ORDER = """
    INSERT INTO orders (date, total, delivery_method, client_id, bill_id) VALUES ('2026-02-02', 0, 1, 1, 1)
    RETURNING id_key
"""
ADD_ENTRY = "INSERT INTO audit (principal, request_id, method, path, status) VALUES ('', '', 'POST', '/y', 201)"
MAY_READ = "SELECT has_table_privilege(cast(:role AS text), cast(:relation AS text), 'SELECT')"


@pytest.fixture
def shop(settings: Settings) -> Iterator[tuple[Settings, Engine]]:
    with populated_database(settings, "partitioned", BEFORE, ROWS) as (there, engine):
        with engine.connect() as connection:  # a seal sees only what is committed
            assert connection.scalar(text("SELECT entries FROM seal_audit()")) == 20
            connection.commit()
        yield there, engine


def contents(connection: Connection) -> dict[str, list[Any]]:
    return {one: list(connection.execute(text(f"SELECT * FROM {one} ORDER BY id_key"))) for one in TABLES}


def files(connection: Connection, suffix: str = "") -> list[Any]:
    """Return the files of the tables: a table that is written anew gets another one."""
    return [connection.scalar(text(f"SELECT pg_relation_filenode('{table}{suffix}')")) for table in TABLES]


def use_keys(engine: Engine, left: int) -> None:
    """Use up keys, so that a number of them is left below the first bound."""
    with engine.begin() as connection:
        for table in TABLES:
            connection.execute(text(f"SELECT setval('{table}_id_key_seq', {SIZE - left})"))


def add_partitions(engine: Engine) -> dict[str, tuple[int, str | None]]:
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT table_name, keys_left, added FROM add_partitions()"))
        return {table: (left, added) for table, left, added in rows}


def test_tables_become_first_partitions(shop: tuple[Settings, Engine]) -> None:
    """Rows stay in their files, keys go on, rights of others follow, and the way back restores everything."""
    settings, engine = shop
    with engine.connect() as connection:
        rows, old_files, old_schema = contents(connection), files(connection), schema(connection)
    migrate(settings, AFTER)
    with engine.begin() as connection:
        assert contents(connection) == rows
        assert files(connection, "_first") == old_files
        assert connection.scalar(text(MAY_READ), {"role": "pg_monitor", "relation": "audit"})
        assert not connection.scalar(text(MAY_READ), {"role": "pg_monitor", "relation": "audit_first"})
        connection.execute(text(ADD_ENTRY))
        assert connection.scalar(text("SELECT max(id_key) FROM audit")) == 21
    assert {added for _, added in add_partitions(engine).values()} == {None}
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM audit WHERE id_key = 21"))
        command.downgrade(alembic_config(connection), BEFORE)
    with engine.connect() as connection:
        assert (contents(connection), files(connection)) == (rows, old_files)
        assert schema(connection) == old_schema
    migrate(settings)


def test_rows_go_to_the_next_partition(shop: tuple[Settings, Engine]) -> None:
    """Triggers, references and seals work there, too, and the way back takes its rows along."""
    settings, engine = shop
    migrate(settings, AFTER)
    use_keys(engine, AHEAD)
    assert add_partitions(engine) == dict.fromkeys(TABLES, (AHEAD, None))
    use_keys(engine, 1)
    assert add_partitions(engine) == {table: (SIZE + 1, f"{table}_from_{SIZE}") for table in TABLES}
    assert add_partitions(engine) == dict.fromkeys(TABLES, (SIZE + 1, None))
    with engine.begin() as connection:
        order = connection.scalar(text(ADD_ORDER))
        history = text(f"SELECT id_key, tableoid::regclass::text FROM order_status_changes WHERE order_id = {order}")
        assert list(map(tuple, connection.execute(history))) == [(SIZE, f"order_status_changes_from_{SIZE}")]
        connection.execute(text(ADD_ENTRY))
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT entries FROM seal_audit()")) == 1
    with engine.begin() as connection:
        connection.execute(text(f"DELETE FROM orders WHERE id_key = {order}"))
        assert connection.execute(history).all() == []
    with pytest.raises(IntegrityError):
        run(engine, "INSERT INTO order_status_changes (order_id, to_status) VALUES (77, 1)")
    with engine.begin() as connection:
        rows = contents(connection)
        command.downgrade(alembic_config(connection), BEFORE)
    with engine.begin() as connection:
        assert contents(connection) == rows
    migrate(settings)
    with engine.connect() as connection:
        assert contents(connection) == rows
        assert disagreements(connection) == []
        bound = "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'audit_first'"
        assert connection.scalar(text(bound)) == f"FOR VALUES FROM (MINVALUE) TO ('{2 * SIZE}')"


def test_a_start_makes_partitions_in_time(shop: tuple[Settings, Engine]) -> None:
    settings, engine = shop
    migrate(settings)
    use_keys(engine, AHEAD - 1)
    migrate(settings)
    assert add_partitions(engine) == dict.fromkeys(TABLES, (SIZE + AHEAD - 1, None))


def test_the_service_makes_partitions_that_only_their_table_opens(shop: tuple[Settings, Engine]) -> None:
    settings, engine = shop
    migrate(settings)
    use_keys(engine, 1)
    service = create_engine(settings.sqlalchemy_url(), poolclass=NullPool)
    assert add_partitions(service) == {table: (SIZE + 1, f"{table}_from_{SIZE}") for table in TABLES}
    run(service, ADD_ENTRY)
    with service.connect() as connection:
        asked = {"role": settings.postgres_user, "relation": f"audit_from_{SIZE}"}
        assert not connection.scalar(text(MAY_READ), asked)


def test_locks_of_others_delay_a_partition(shop: tuple[Settings, Engine]) -> None:
    """The function gives up on this table, and makes the partition of the other one. Without it, rows are refused."""
    settings, engine = shop
    migrate(settings)
    use_keys(engine, 1)
    with engine.begin() as others:
        others.execute(text("LOCK TABLE orders IN ROW EXCLUSIVE MODE"))
        made = add_partitions(engine)
    assert made == {"audit": (SIZE + 1, f"audit_from_{SIZE}"), "order_status_changes": (1, None)}
    with pytest.raises(IntegrityError) as refused:
        run(engine, ADD_ORDER)
    assert isinstance(refused.value.orig, CheckViolation)
    assert add_partitions(engine)["order_status_changes"] == (SIZE, f"order_status_changes_from_{SIZE}")
    run(engine, ADD_ORDER)


def test_a_check_made_by_hand_sets_the_bound(shop: tuple[Settings, Engine]) -> None:
    settings, engine = shop
    run(engine, "ALTER TABLE audit ADD CONSTRAINT first_partition CHECK (id_key < 60000000)")
    migrate(settings)
    with engine.connect() as connection:
        constraints = schema(connection, "constraints")["constraints"]
    assert not [row for row in constraints if row[1] == "first_partition"]
    assert add_partitions(engine)["audit"] == (60_000_000 - 20, None)


@pytest.mark.parametrize(
    ("statement", "removal", "told"),
    [
        ("CREATE VIEW report AS SELECT count(*) FROM audit", "DROP VIEW report", "report, which uses audit"),
        (
            "CREATE TABLE gifts (change_id bigint CONSTRAINT fk_gifts REFERENCES order_status_changes)",
            "DROP TABLE gifts",
            "foreign key fk_gifts of gifts",
        ),
    ],
)
def test_objects_that_would_miss_rows_stop_the_migration(
    shop: tuple[Settings, Engine], statement: str, removal: str, told: str
) -> None:
    settings, engine = shop
    run(engine, statement)
    with pytest.raises(SystemExit, match=told):
        migrate(settings, AFTER)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_class WHERE relispartition")) == 0
    run(engine, removal)
    migrate(settings, AFTER)
