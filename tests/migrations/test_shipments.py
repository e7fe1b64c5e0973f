"""Migration 0020, from a populated database of the version before."""

from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from config.settings import Settings
from migrations.runner import alembic_config, migrate
from tests.migrations.test_migrations import populated_database, run

BEFORE, AFTER = "0020", "0021"
SHOP = """
    INSERT INTO clients (id_key, name, lastname, email) VALUES (1, 'Ann', 'A', 'ann@x.co');
    INSERT INTO addresses (id_key, street, city, client_id) VALUES (1, 'Main Street', 'Springfield', 1);
    INSERT INTO categories (id_key, name) VALUES (1, 'Toys');
    INSERT INTO products (id_key, name, price, stock, category_id) VALUES (1, 'Kite', 10, 5, 1);
    INSERT INTO bills (id_key, bill_number, date, total, payment_type) VALUES (1, 'B', '2026-01-01', 20, 'cash');
    INSERT INTO orders (id_key, date, total, delivery_method, status, client_id, bill_id)
        SELECT n, '2026-01-01Z', 20, 1, n, 1, 1 FROM generate_series(1, 3) AS n;
    INSERT INTO order_details (id_key, quantity, price, order_id, product_id)
        SELECT n, 2, 10, n, 1 FROM generate_series(1, 3) AS n;
"""
SHIPPED = """
    INSERT INTO shipping_addresses SELECT 2, id_key, street, number, city, client_id FROM addresses;
    INSERT INTO shipments (id_key, order_id) VALUES (1, 2);
    INSERT INTO shipment_lines VALUES (1, 2, 1);
    INSERT INTO shipment_events (shipment_id, status, occurred_at) VALUES (1, 'picked_up', now());
"""
# Done by the version before, which knows no shipments.
REFUSED = (
    "DELETE FROM order_details WHERE id_key = 2",
    "WITH details AS (DELETE FROM order_details WHERE order_id = 2) DELETE FROM orders WHERE id_key = 2",
)
DONE = (
    "UPDATE order_details SET quantity = 3 WHERE id_key = 2",
    "DELETE FROM addresses",
    "DELETE FROM order_details WHERE id_key = 1",
    "DELETE FROM orders WHERE id_key = 1",
)


@pytest.fixture
def shop(settings: Settings) -> Iterator[tuple[Settings, Engine]]:
    with populated_database(settings, "shipments", BEFORE, SHOP) as made:
        yield made


def test_orders_keep_their_rows_and_what_has_shipped_stays(shop: tuple[Settings, Engine]) -> None:
    settings, engine = shop
    migrate(settings, AFTER)
    run(engine, SHIPPED)
    for statement in REFUSED:
        with pytest.raises(IntegrityError):
            run(engine, statement)
    for statement in DONE:
        run(engine, statement)
    with engine.connect() as connection:
        details = connection.execute(text("SELECT id_key, quantity FROM order_details ORDER BY id_key")).tuples()
        assert list(details) == [(2, 3), (3, 2)]
        addresses = connection.execute(text("SELECT street, client_id FROM shipping_addresses")).tuples()
        assert list(addresses) == [("Main Street", 1)]
        command.downgrade(alembic_config(connection), BEFORE)
        connection.commit()
    run(engine, "DELETE FROM order_details; DELETE FROM orders")
