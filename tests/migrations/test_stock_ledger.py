"""Migration 0014, from a populated database of the version before."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, text

from config.settings import Settings
from migrations.runner import alembic_config, migrate
from repositories.checks.consistency_check import disagreements
from tests.migrations.test_migrations import new_database

BEFORE, AFTER = "0013", "0014"
SHOP = """
    INSERT INTO clients (id_key, name, lastname, email) VALUES (1, 'Ann', 'A', 'ann@x.co');
    INSERT INTO categories (id_key, name) VALUES (1, 'Toys');
    INSERT INTO products (id_key, name, price, stock, category_id, supplied)
        VALUES (1, 'Kite', 10, 5, 1, 7), (2, 'Ball', 5, 0, 1, 0), (3, 'Lego', 1, 9, 1, 9);
    INSERT INTO bills (id_key, bill_number, date, total, payment_type) VALUES (1, 'B', '2026-01-01', 0, 'cash');
    INSERT INTO orders (id_key, date, total, delivery_method, client_id, bill_id)
        VALUES (1, '2026-01-01', 0, 1, 1, 1), (2, '2026-01-01', 0, 1, 1, 1);
    INSERT INTO order_details (quantity, price, order_id, product_id) VALUES (2, 10, 1, 1);
"""
OLD_VERSION = (
    """
    WITH sold AS (UPDATE products SET stock = stock - 3 WHERE id_key = 1 RETURNING id_key, price)
    INSERT INTO order_details (quantity, price, order_id, product_id) SELECT 3, price, 2, id_key FROM sold
    """,
    "UPDATE products SET stock = 4, supplied = supplied + 4 WHERE id_key = 2",
    "INSERT INTO products (id_key, name, price, stock, category_id, supplied) VALUES (4, 'Doll', 1, 6, 1, 6)",
    "DELETE FROM products WHERE id_key = 3",
)


@pytest.fixture
def shop(settings: Settings) -> Iterator[tuple[Settings, Engine]]:
    with new_database(settings, "ledger") as (own, engine):
        migrate(own, BEFORE)
        run(engine, SHOP)
        yield own, engine


def run(engine: Engine, *statements: str) -> None:
    for statement in statements:
        with engine.begin() as connection:
            connection.execute(text(statement))


def ledger(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        fields = "product_id, quantity, stock_after, reason, order_detail_id"
        return [tuple(row) for row in connection.execute(text(f"SELECT {fields} FROM stock_movements ORDER BY id_key"))]


def assert_agrees(settings: Settings, engine: Engine) -> None:
    migrate(settings)  # the consistency check reads tables of later versions
    with engine.connect() as connection:
        assert disagreements(connection) == []


def test_existing_stock_becomes_initial(shop: tuple[Settings, Engine]) -> None:
    settings, engine = shop
    migrate(settings, AFTER)
    assert ledger(engine) == [(1, 5, 5, "initial", None), (3, 9, 9, "initial", None)]
    assert_agrees(settings, engine)


def test_the_version_before_keeps_working(shop: tuple[Settings, Engine]) -> None:
    """Its changes are recorded too, and the consistency check accepts its sales."""
    settings, engine = shop
    migrate(settings, AFTER)
    run(engine, *OLD_VERSION)
    assert ledger(engine) == [
        (1, 5, 5, "initial", None),
        (1, -3, 2, "corrected", None),
        (2, 4, 4, "corrected", None),
        (4, 6, 6, "initial", None),
    ]
    assert_agrees(settings, engine)
    with engine.connect() as connection:
        command.downgrade(alembic_config(connection), BEFORE)
        connection.commit()
    run(engine, "UPDATE products SET stock = stock + 1")
