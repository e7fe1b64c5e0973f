"""Migration 0019, from a populated database of the version before."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from config.settings import Settings
from migrations.runner import alembic_config, migrate
from repositories.checks.consistency_check import disagreements
from tests.migrations.test_migrations import new_database

BEFORE, AFTER = "0018", "0019"
SHOP = """
    INSERT INTO clients (id_key, name, lastname, email) VALUES (1, 'Ann', 'A', 'ann@x.co');
    INSERT INTO bills (id_key, bill_number, date, total, payment_type)
        VALUES (1, 'A', '2026-01-01', 100, 'card'), (2, 'B', '2026-01-01', 50, 'card');
    INSERT INTO orders (id_key, date, total, delivery_method, client_id, bill_id)
        VALUES (1, '2026-01-01', 80, 1, 1, 1), (2, '2026-01-01', 80, 1, 1, 1), (3, '2026-01-01', 50, 1, 1, 2);
"""
PAYMENT = "INSERT INTO payments (order_id, amount, provider, key) VALUES ({}, {}, 'manual', gen_random_uuid()::text)"
OLD_VERSION = (
    """
    INSERT INTO orders (id_key, date, total, delivery_method, client_id, bill_id) VALUES (9, '2026-01-01', 9, 1, 1, 1)
    """,
    "INSERT INTO bills (id_key, bill_number, date, total, payment_type) VALUES (9, 'C', '2026-01-01', 5, 'cash')",
    "UPDATE orders SET total = 60, status = 2 WHERE id_key = 3",
    "UPDATE bills SET total = 60 WHERE id_key = 2",
    "DELETE FROM orders WHERE id_key = 3",
)


@pytest.fixture
def shop(settings: Settings) -> Iterator[tuple[Settings, Engine]]:
    with new_database(settings, "payments") as (own, engine):
        migrate(own, BEFORE)
        run(engine, SHOP)
        migrate(own, AFTER)
        yield own, engine


def run(engine: Engine, *statements: str) -> None:
    for statement in statements:
        with engine.begin() as connection:
            connection.execute(text(statement))


def sums(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return [
            list(connection.execute(text(f"SELECT payments_total FROM {table} ORDER BY id_key")).scalars())
            for table in ("orders", "bills")
        ]


def test_payments_are_added_up_for_every_writer(shop: tuple[Settings, Engine]) -> None:
    settings, engine = shop
    assert sums(engine) == [[0, 0, 0], [0, 0]]
    run(engine, PAYMENT.format(1, 30), PAYMENT.format(1, 20), PAYMENT.format(2, 40))
    assert sums(engine) == [[50, 40, 0], [90, 0]]
    run(engine, "UPDATE payments SET status = 'failed' WHERE id_key = 1")
    run(engine, "UPDATE payments SET status = 'captured', amount = 15 WHERE id_key = 2")
    run(engine, "UPDATE payments SET status = 'refunded', refunded = 40 WHERE id_key = 3")
    assert sums(engine) == [[15, 40, 0], [55, 0]]
    migrate(settings)
    with engine.connect() as connection:
        assert disagreements(connection) == []


@pytest.mark.parametrize(
    "statement",
    [
        PAYMENT.format(1, 80.01),
        PAYMENT.format(3, 50.01),
        f"{PAYMENT.format(1, 60)}; {PAYMENT.format(2, 60)}",
        f"{PAYMENT.format(1, 60)}; UPDATE orders SET total = 59 WHERE id_key = 1",
        f"{PAYMENT.format(1, 60)}; UPDATE bills SET total = 59 WHERE id_key = 1",
        f"{PAYMENT.format(1, 60)}; UPDATE payments SET refunded = 60.01",
        f"{PAYMENT.format(1, 60)}; DELETE FROM orders WHERE id_key = 1",
        PAYMENT.format(1, 0),
    ],
)
def test_database_refuses_more_than_is_due(shop: tuple[Settings, Engine], statement: str) -> None:
    _, engine = shop
    with pytest.raises(IntegrityError):
        run(engine, statement)
    assert sums(engine) == [[0, 0, 0], [0, 0]]


def test_the_version_before_keeps_working(shop: tuple[Settings, Engine]) -> None:
    settings, engine = shop
    run(engine, *OLD_VERSION)
    with engine.connect() as connection:
        command.downgrade(alembic_config(connection), BEFORE)
        connection.commit()
    migrate(settings, AFTER)
    assert sums(engine) == [[0, 0, 0], [0, 0, 0]]
