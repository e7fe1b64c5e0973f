"""Migration 0017, from a populated database of the version before."""

from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import Engine, text

from config.settings import Settings
from migrations.runner import alembic_config, migrate
from tests.migrations.test_migrations import populated_database, run

BEFORE, AFTER = "0016", "0017"
SHOP = """
    INSERT INTO clients (id_key, name, lastname, email) VALUES (1, 'Ann', 'A', 'ann@x.co'), (2, 'Bob', 'B', 'bob@x.co');
    INSERT INTO categories (id_key, name) VALUES (1, 'Toys');
    INSERT INTO products (id_key, name, price, stock, category_id) VALUES (1, 'Kite', 10, 7, 1);
    INSERT INTO bills (id_key, bill_number, date, total, payment_type) VALUES (1, 'B', '2026-01-01', 0, 'cash');
    INSERT INTO orders (id_key, date, total, delivery_method, client_id, bill_id) VALUES (1, '2026-01-01Z', 0, 1, 1, 1);
"""
OLD_VERSION = """
    WITH sold AS (
        UPDATE products SET stock = stock - 3, recorded_changes = recorded_changes + 1 WHERE id_key = 1
        RETURNING id_key, price
    )
    INSERT INTO order_details (quantity, price, order_id, product_id) SELECT 3, price, 1, id_key FROM sold;
    UPDATE orders SET status = 3;
    UPDATE products SET supplied = 1;
    DELETE FROM clients WHERE id_key = 2;
"""
PUBLISHED = "SELECT type, resource FROM events ORDER BY id_key"


@pytest.fixture
def shop(settings: Settings) -> Iterator[tuple[Settings, Engine]]:
    with populated_database(settings, "events", BEFORE, SHOP) as made:
        yield made


def test_the_version_before_writes_events(shop: tuple[Settings, Engine]) -> None:
    """Objects from before the migration have none; the version before needs no change to write them."""
    settings, engine = shop
    migrate(settings, AFTER)
    run(engine, OLD_VERSION)
    run(engine, "SELECT publish_events(5, false)")
    with engine.connect() as connection:
        log = [tuple(row) for row in connection.execute(text(PUBLISHED))]
        assert sorted(log[:3]) == [
            ("order_detail.created", "/order_details/1"),
            ("product.updated", "/products/1"),
            ("stock.low", "/products/1"),
        ]
        assert log[3:] == [
            ("order.updated", "/orders/1"),
            ("order.status_changed", "/orders/1"),
            ("client.deleted", "/clients/2"),
        ]
        command.downgrade(alembic_config(connection), BEFORE)
        connection.commit()
    run(engine, "UPDATE products SET stock = 1; DELETE FROM order_details")
