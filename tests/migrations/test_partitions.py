"""Migration 0015, from a populated database of the version before, and the partitions that follow."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from config.settings import Settings
from migrations.partitioning import validate_foreign_keys
from migrations.runner import alembic_config, migrate
from repositories.consistency_check import disagreements
from tests.migrations.test_migrations import populated_database, run, schema
from tests.migrations.test_stock_ledger import SHOP
from tests.servers import superuser_url

BEFORE, AFTER = "0014", "0015"
TABLES = ("audit", "order_details", "order_status_changes", "orders")
BOUND, SIZE, AHEAD = 50_000_000, 50_000_000, 10_000_000
ROWS = f"""
    {SHOP}
    INSERT INTO stock_movements (product_id, quantity, stock_after, reason, order_detail_id)
        SELECT 1, -2, 3, 'sold', 1 FROM products WHERE id_key = 1;
    UPDATE products SET stock = 3, recorded_changes = 1 WHERE id_key = 1;
    UPDATE orders SET status = 2 WHERE id_key = 1;
    INSERT INTO audit (principal, request_id, method, path, status) SELECT '', n, 'POST', '/x', 201
        FROM generate_series(1, 20) AS n;
    SELECT seal_audit();
    CREATE TABLE gifts (order_detail_id bigint CONSTRAINT fk_gifts REFERENCES order_details (id_key) ON DELETE CASCADE);
    INSERT INTO gifts VALUES (1);
    CREATE INDEX by_hand ON orders (total);
    GRANT SELECT ON orders TO pg_monitor;
"""
ADD_ORDER = """
    INSERT INTO orders (date, total, delivery_method, client_id, bill_id) VALUES ('2026-02-02', 0, 1, 1, 1)
    RETURNING id_key
"""
ADD_DETAIL = "INSERT INTO order_details (quantity, price, order_id, product_id) VALUES (1, 1, {}, 1) RETURNING id_key"
ADD_ENTRY = "INSERT INTO audit (principal, request_id, method, path, status) VALUES ('', '', 'POST', '/y', 201)"


@pytest.fixture
def shop(settings: Settings) -> Iterator[tuple[Settings, Engine]]:
    with populated_database(settings, "partitioned", BEFORE, ROWS) as made:
        yield made


def contents(connection: Connection) -> dict[str, list[Any]]:
    tables = (*TABLES, "gifts")
    return {one: list(connection.execute(text(f"SELECT * FROM {one} ORDER BY 1"))) for one in tables}


def files(connection: Connection, suffix: str = "") -> list[Any]:
    """Return the files of the tables: a table that is written anew gets another one."""
    return [connection.scalar(text(f"SELECT pg_relation_filenode('{table}{suffix}')")) for table in TABLES]


def use_keys(connection: Connection, left: int, bound: int = BOUND) -> None:
    """Use up keys, so that a number of them is left below the bound."""
    for table in TABLES:
        connection.execute(text(f"SELECT setval('{table}_id_key_seq', {bound - left})"))


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
        assert disagreements(connection) == []
        rights = "SELECT has_table_privilege('pg_monitor', cast(:table AS text), 'SELECT')"
        assert connection.scalar(text(rights), {"table": "orders"})
        unchecked = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND NOT convalidated"
        assert connection.scalar(text(unchecked)) == 0
        assert connection.scalar(text(ADD_ORDER)) == 3
        assert connection.scalar(text("SELECT to_status FROM order_status_changes WHERE order_id = 3")) == 1
        connection.execute(text("DELETE FROM orders WHERE id_key = 3"))
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), BEFORE)
    with engine.connect() as connection:
        assert contents(connection) == rows
        assert files(connection) == old_files
        assert schema(connection) == old_schema
    migrate(settings)


def test_rows_go_to_the_next_partition(shop: tuple[Settings, Engine]) -> None:
    """All rules hold there, too, and the way back takes its rows along."""
    settings, engine = shop
    migrate(settings, AFTER)
    with engine.begin() as connection:
        use_keys(connection, AHEAD)
    assert {added for _, added in add_partitions(engine).values()} == {None}
    with engine.begin() as connection:
        use_keys(connection, 1)
    made = add_partitions(engine)
    assert made == {table: (SIZE + 1, f"{table}_from_{BOUND}") for table in TABLES}
    assert add_partitions(engine) == {table: (SIZE + 1, None) for table in TABLES}
    with engine.begin() as connection:
        assert connection.scalar(text(ADD_ORDER)) == BOUND
        assert connection.scalar(text(ADD_DETAIL.format(1))) == BOUND
        assert connection.scalar(text(ADD_DETAIL.format(BOUND))) == BOUND + 1
        connection.execute(text(ADD_ENTRY))
        assert connection.scalar(text("SELECT entries FROM seal_audit()")) == 1
    for broken in (
        f"DELETE FROM orders WHERE id_key = {BOUND}",
        ADD_DETAIL.format(BOUND + 1),
        f"UPDATE orders SET status = 5 WHERE id_key = {BOUND}",
        f"INSERT INTO gifts VALUES ({BOUND + 2})",
        f"UPDATE orders SET id_key = 1 WHERE id_key = {BOUND}",
    ):
        with pytest.raises(IntegrityError):
            run(engine, broken)
    with engine.begin() as connection:
        rows = contents(connection)
        command.downgrade(alembic_config(connection), BEFORE)
    with engine.begin() as connection:
        assert contents(connection) == rows
        assert connection.scalar(text(ADD_ORDER)) == BOUND + 1
    migrate(settings, AFTER)
    with engine.connect() as connection:
        assert len(contents(connection)["orders"]) == 4
        bound = "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'orders_first'"
        assert connection.scalar(text(bound)) == f"FOR VALUES FROM (MINVALUE) TO ('{2 * SIZE}')"


def test_a_start_makes_partitions_in_time(shop: tuple[Settings, Engine]) -> None:
    settings, engine = shop
    migrate(settings)
    with engine.begin() as connection:
        use_keys(connection, AHEAD - 1)
    migrate(settings)
    assert {added for _, added in add_partitions(engine).values()} == {None}
    assert {left for left, _ in add_partitions(engine).values()} == {SIZE + AHEAD - 1}


def test_the_service_s_role_makes_partitions_that_only_the_table_opens(shop: tuple[Settings, Engine]) -> None:
    settings, engine = shop
    migrate(settings)
    with engine.begin() as connection:
        use_keys(connection, 1)
    service = create_engine(settings.sqlalchemy_url(), poolclass=NullPool)
    assert {added is not None for _, added in add_partitions(service).values()} == {True}
    with service.begin() as connection:
        assert connection.scalar(text(ADD_ORDER)) == BOUND
        rights = "SELECT has_table_privilege(cast(:table AS text), 'SELECT, INSERT, UPDATE, DELETE')"
        assert not connection.scalar(text(rights), {"table": f"orders_from_{BOUND}"})


def test_a_lock_that_others_hold_delays_a_partition(shop: tuple[Settings, Engine]) -> None:
    """The function gives up on this table, and makes the partitions of the others."""
    settings, engine = shop
    migrate(settings)
    with engine.begin() as connection:
        use_keys(connection, 1)
    with engine.begin() as blocking:
        blocking.execute(text("LOCK TABLE bills IN ROW EXCLUSIVE MODE"))
        made = add_partitions(engine)
    assert made["orders"] == (1, None)
    assert made["audit"] == (SIZE + 1, f"audit_from_{BOUND}")
    assert add_partitions(engine)["orders"] == (SIZE + 1, f"orders_from_{BOUND}")


def test_a_check_made_by_hand_spares_the_scan(shop: tuple[Settings, Engine]) -> None:
    settings, engine = shop
    run(engine, "ALTER TABLE orders ADD CONSTRAINT first_partition CHECK (id_key < 60000000)")
    migrate(settings)
    with engine.connect() as connection:
        constraints = schema(connection, "constraints")["constraints"]
    assert not [row for row in constraints if row[1] == "first_partition"]
    assert add_partitions(engine)["orders"] == (60_000_000 - 2, None)


def test_objects_that_would_miss_rows_stop_the_migration(shop: tuple[Settings, Engine]) -> None:
    settings, engine = shop
    run(engine, "CREATE VIEW report AS SELECT count(*) FROM audit")
    with pytest.raises(SystemExit, match="report, which uses audit"):
        migrate(settings, AFTER)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT relkind FROM pg_class WHERE relname = 'orders'")) == "r"
    run(engine, "DROP VIEW report")
    migrate(settings, AFTER)


def test_rows_without_their_order_are_named(shop: tuple[Settings, Engine], caplog: pytest.LogCaptureFixture) -> None:
    """Somebody has switched the checks off. The migration works, and each start tells it."""
    settings, engine = shop
    superuser = create_engine(superuser_url(settings), poolclass=NullPool)
    with superuser.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(ADD_DETAIL.format(77)))
    migrate(settings)
    assert "fk_order_details_order_id_orders is not valid" in caplog.text
    run(engine, "DELETE FROM order_details WHERE order_id = 77")
    with engine.begin() as connection:
        validate_foreign_keys(connection)
        unchecked = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND NOT convalidated"
        assert connection.scalar(text(unchecked)) == 0
