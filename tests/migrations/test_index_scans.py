"""Migration 0013: functions find one row by an index, although their plans are from when a table was empty."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from config.settings import Settings
from tests.migrations.test_migrations import populated_database

REVISION = "0013"
# The check of a foreign key of `orders` runs outside these functions, and has a plan of its own.
EMPTY = """
    INSERT INTO clients (id_key, name, lastname, email) VALUES (1, 'Ann', 'A', 'ann@x.co');
    ALTER TABLE orders DROP CONSTRAINT fk_orders_bill_id_bills;
    ANALYZE;
"""
BILLS = """
    INSERT INTO bills (id_key, bill_number, date, total, payment_type)
    SELECT n, next_bill_number(2026), '2026-01-01', 1, 'cash' FROM generate_series(1, 50) AS n
"""
ORDERS = """
    INSERT INTO orders (date, total, delivery_method, client_id, bill_id)
    SELECT '2026-01-01Z', 1, 1, 1, n FROM generate_series(1, 50) AS n
"""


@pytest.fixture
def shop(settings: Settings) -> Iterator[Engine]:
    """Yield a database whose statistics say that it has no bills and no orders."""
    with populated_database(settings, "analyzed", REVISION, EMPTY) as (_, engine):
        yield engine


def test_new_rows_are_found_without_reading_the_table(shop: Engine) -> None:
    scans = text("SELECT relname, seq_scan FROM pg_stat_xact_user_tables WHERE relname IN ('bills', 'orders')")
    with shop.begin() as connection:
        for statement in (BILLS, ORDERS):
            connection.execute(text(statement))
        found = dict(map(tuple, connection.execute(scans).all()))
    assert found == {"bills": 0, "orders": 0}
