"""Migration 0021, from a populated database of the version before."""

from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from config.settings import Settings
from migrations.runner import alembic_config, migrate
from tests.migrations.test_migrations import populated_database, run
from tests.migrations.test_shipments import SHOP

BEFORE, AFTER = "0021", "0022"
RETURNED = """
    INSERT INTO returns (id_key, order_id, reason, amount) VALUES (1, 3, 'x', 10);
    INSERT INTO return_lines VALUES (1, 3, 1);
    INSERT INTO credit_notes (number, bill_id, return_id, amount) VALUES ('CN-2026-000001', 1, 1, 10);
"""
REFUSED = (
    "DELETE FROM order_details WHERE id_key = 3",
    "WITH details AS (DELETE FROM order_details WHERE order_id = 3) DELETE FROM orders WHERE id_key = 3",
    "INSERT INTO credit_notes (number, bill_id, return_id, amount) VALUES ('CN-2026-000002', 1, 1, 1)",
)


@pytest.fixture
def shop(settings: Settings) -> Iterator[tuple[Settings, Engine]]:
    with populated_database(settings, "returns", BEFORE, SHOP) as made:
        yield made


def test_what_has_returned_stays(shop: tuple[Settings, Engine]) -> None:
    settings, engine = shop
    migrate(settings, AFTER)
    run(engine, RETURNED)
    for statement in REFUSED:
        with pytest.raises(IntegrityError):
            run(engine, statement)
    run(engine, "DELETE FROM order_details WHERE id_key = 1; DELETE FROM orders WHERE id_key = 1")
    with engine.connect() as connection:
        command.downgrade(alembic_config(connection), BEFORE)
        connection.commit()
    run(engine, "DELETE FROM order_details; DELETE FROM orders")
