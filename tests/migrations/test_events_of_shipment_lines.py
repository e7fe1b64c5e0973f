"""Migration 0023, from a populated database of the version before."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, text

from config.settings import Settings
from migrations.runner import alembic_config, migrate
from repositories.checks.consistency_check import disagreements
from tests.migrations.test_migrations import populated_database, run
from tests.migrations.test_shipments import SHOP

BEFORE, AFTER = "0022", "0023"
# Shipments 1 and 2 came back; detail 2 leaves the first of them. The log holds some events, the queue others.
SHIPPED = f"""
    {SHOP}
    INSERT INTO order_details (id_key, quantity, price, order_id, product_id) VALUES (4, 1, 10, 2, 1), (5, 1, 10, 2, 1);
    INSERT INTO shipments (id_key, order_id) VALUES (1, 2), (2, 2);
    INSERT INTO shipment_lines VALUES (1, 2, 2), (1, 4, 1), (2, 4, 1), (2, 5, 1);
    UPDATE shipments SET status = 'picked_up';
    SELECT publish_events(5, true);
    UPDATE shipments SET status = 'failed';
"""
REMOVED = "DELETE FROM shipment_lines WHERE order_detail_id = {0}; DELETE FROM order_details WHERE id_key = {0}"


@pytest.fixture
def shop(settings: Settings) -> Iterator[tuple[Settings, Engine]]:
    with populated_database(settings, "lines", BEFORE, SHIPPED) as made:
        yield made


def queued(engine: Engine) -> list[Any]:
    """Return type, shipment and number of lines of the events that are not published."""
    statement = """
        SELECT type, (data -> 'id_key')::bigint, jsonb_array_length(data -> 'lines') FROM event_queue
        WHERE resource LIKE '/shipments/%' ORDER BY id_key
    """
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def test_events_tell_of_removed_lines(shop: tuple[Settings, Engine]) -> None:
    """Remove a line in the version before, which logs nothing, and another one afterwards."""
    settings, engine = shop
    changed = [("shipment.updated", 1, 2), ("shipment.updated", 2, 2)]
    run(engine, REMOVED.format(2))
    assert queued(engine) == changed
    migrate(settings, AFTER)
    assert queued(engine) == [*changed, ("shipment.updated", 1, 1)]
    run(engine, REMOVED.format(4))
    assert sorted(queued(engine)[3:]) == [("shipment.updated", 1, 0), ("shipment.updated", 2, 1)]
    migrate(settings)
    with engine.connect() as connection:
        found = disagreements(connection)
        assert [problem for check, problem in found if check == "events"] == []
        command.downgrade(alembic_config(connection), BEFORE)
        connection.commit()
    run(engine, REMOVED.format(5))
    assert len(queued(engine)) == 5
    migrate(settings, AFTER)
    assert queued(engine)[5:] == [("shipment.updated", 2, 0)]
