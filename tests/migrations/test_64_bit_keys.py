"""Migration 0007 of a populated database: keys and stock become 64-bit numbers, and nothing else changes."""

from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, text

from config.settings import Settings
from migrations.runner import alembic_config, migrate
from tests.migrations.test_migrations import new_database, schema

GREATEST = 2**31 - 1
ROWS = f"""
    INSERT INTO categories (name) VALUES ('a'), ('b');
    INSERT INTO clients (name, lastname, email) VALUES ('Jo', 'Doe', 'jo@example.com');
    INSERT INTO addresses (street, city, client_id) VALUES ('Main Street', 'Springfield', 1);
    INSERT INTO bills (bill_number, date, total, payment_type) VALUES (next_bill_number(2026), '2026-01-01', 1, 'cash');
    INSERT INTO products (name, price, stock, supplied, category_id)
        VALUES ('Ukulele', 1, {GREATEST - 1}, {GREATEST}, 2), ('Chair', 2, 3, 3, 1);
    INSERT INTO products (id_key, name, price, category_id) VALUES ({GREATEST}, 'the last key', 1, 1);
    INSERT INTO orders (date, total, delivery_method, client_id, bill_id, checkout_lines) VALUES (now(), 1, 1, 1, 1, 1);
    UPDATE orders SET status = 2;
    INSERT INTO order_details (quantity, price, order_id, product_id) VALUES (1, 1, 1, 1);
    INSERT INTO reviews (rating, product_id) VALUES (5, {GREATEST});
    INSERT INTO idempotency_keys (caller, key, method, path, fingerprint) VALUES ('', 'k', 'POST', '/x', 'x');
    INSERT INTO api_keys (name, digest, role, client_id) VALUES ('one', 'one', 'client', 1);
    INSERT INTO audit (principal, request_id, method, path, status) VALUES ('', '1', 'POST', '/x', 201);
    SELECT setval('audit_id_key_seq', {GREATEST});
"""
KEYS_PER_TABLE = """
    SELECT table_name, string_agg(column_name, ' ' ORDER BY column_name) AS names FROM information_schema.columns
    WHERE table_schema = 'public' AND data_type = 'bigint' GROUP BY 1
"""
NARROW_KEYS = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND data_type = 'integer' AND (column_name = 'id_key' OR column_name LIKE '%\\_id')
"""


@pytest.fixture
def before(settings: Settings) -> Iterator[tuple[Settings, Engine]]:
    """Yield a populated database of the previous version."""
    with new_database(settings, "narrow_keys") as (there, engine):
        migrate(there, "0006")
        with engine.begin() as connection:
            connection.exec_driver_sql(ROWS)
        yield there, engine


def contents(connection: Connection) -> dict[str, list[str]]:
    tables = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")).all()
    return {
        table: sorted(connection.scalars(text(f"SELECT cast({table} AS text) FROM {table}")))
        for table in tables
        if table != "alembic_version"
    }


def test_keys_widen_and_rows_stay(before: tuple[Settings, Engine]) -> None:
    settings, engine = before
    with engine.connect() as connection:
        rows, objects = contents(connection), schema(connection, "constraints", "indexes", "triggers", "functions")
    migrate(settings, "0007")
    with engine.connect() as connection:
        assert contents(connection) == rows
        assert schema(connection, "constraints", "indexes", "triggers", "functions") == objects
        assert {row.table_name: row.names for row in connection.execute(text(KEYS_PER_TABLE))} == {
            "addresses": "client_id id_key",
            "api_keys": "client_id",
            "audit": "id_key",
            "bills": "id_key",
            "categories": "id_key",
            "clients": "id_key",
            "order_details": "id_key order_id product_id",
            "order_status_changes": "id_key order_id",
            "orders": "bill_id client_id id_key",
            "products": "category_id id_key stock supplied",
            "reviews": "id_key product_id",
        }
        assert not connection.execute(text(NARROW_KEYS)).all()
        sequences = connection.execute(text("SELECT sequencename, data_type::text, max_value FROM pg_sequences")).all()
    assert len(sequences) == 11
    assert {(kind, last) for _, kind, last in sequences} == {("bigint", 2**63 - 1)}


def test_keys_go_on_beyond_32_bits(before: tuple[Settings, Engine]) -> None:
    settings, engine = before
    migrate(settings, "0007")
    with engine.begin() as connection:
        made = {
            "audit": "(principal, request_id, method, path, status) VALUES ('', '2', 'POST', '/x', 201)",
            "products": "(name, price, stock, category_id) VALUES ('Chair', 1, 3000000000, 1)",
            "categories": "(name) VALUES ('c')",
            "orders": "(date, total, delivery_method, client_id, bill_id) VALUES (now(), 1, 1, 1, 1)",
        }
        keys = {
            table: connection.scalar(text(f"INSERT INTO {table} {values} RETURNING id_key"))
            for table, values in made.items()
        }
        assert keys == {"audit": GREATEST + 1, "products": 3, "categories": 3, "orders": 2}
        assert connection.scalar(text("SELECT next_bill_number(2026)")) == "BILL-2026-000002"
        history = connection.execute(text("SELECT id_key, order_id FROM order_status_changes ORDER BY id_key"))
        assert [tuple(row) for row in history] == [(1, 1), (2, 1), (3, 2)]


def test_previous_schema_can_be_restored_while_keys_fit(before: tuple[Settings, Engine]) -> None:
    settings, engine = before
    with engine.connect() as connection:
        rows, objects = contents(connection), schema(connection)
    migrate(settings, "0007")
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "0006")
    with engine.begin() as connection:
        assert contents(connection) == rows
        assert schema(connection) == objects
        assert connection.scalar(text("INSERT INTO categories (name) VALUES ('c') RETURNING id_key")) == 3
