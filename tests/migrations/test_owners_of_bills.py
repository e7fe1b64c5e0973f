"""Migration 0009, from a populated database of the version before."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from config.settings import Settings
from migrations.runner import alembic_config, migrate
from repositories.checks.consistency_check import Disagreement, disagreements
from tests.migrations.test_migrations import populated_database, run
from tests.servers import ROOT

BEFORE, AFTER = "0008", "0009"
SQL_BLOCKS = re.findall(r"```sql\n(.*?)```", (ROOT / "docs/OPERATIONS.md").read_text(), re.DOTALL)
KEEP_TOTAL, ADD_UP = (block for block in SQL_BLOCKS if "= ID" in block)
TABLES = ("clients", "bills", "orders", "order_details", "products", "order_status_changes")
SHOP = """
    INSERT INTO clients (id_key, name, lastname, email) VALUES (1, 'Ann', 'A', 'ann@x.co'), (2, 'Bob', 'B', 'bob@x.co');
    INSERT INTO categories (id_key, name) VALUES (1, 'Toys');
    INSERT INTO products (id_key, name, price, stock, category_id, supplied) VALUES (1, 'Kite', 10, 5, 1, 9);
    INSERT INTO bills (id_key, bill_number, discount, date, total, payment_type)
        SELECT n, 'B-' || n, 5, '2026-01-01', 15, 'cash' FROM generate_series(1, 4) AS n;
    INSERT INTO orders (id_key, date, total, delivery_method, status, client_id, bill_id, checkout_lines) VALUES
        (1, '2026-01-01Z', 15, 1, 1, 1, 1, 1), (2, '2026-01-01Z', 15, 1, 3, 2, 2, 1),
        (3, '2026-01-01Z', 99, 1, 1, 1, 3, NULL), (4, '2026-01-01Z', 7, 1, 4, 1, 3, NULL);
    INSERT INTO order_details (quantity, price, order_id, product_id)
        VALUES (2, 10, 1, 1), (2, 10, 2, 1), (1, 10, 3, 1), (1, 10, 4, 1);
"""


@pytest.fixture
def shop(settings: Settings) -> Iterator[tuple[Settings, Engine]]:
    """Yield a database of the version before, with two checkouts, and two orders that share a plain bill."""
    with populated_database(settings, "owners", BEFORE, SHOP) as made:
        yield made


def rows(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return [connection.execute(text(f"SELECT * FROM {table} ORDER BY id_key")).all() for table in TABLES]


def wrong(engine: Engine) -> list[Disagreement]:
    with engine.connect() as connection:
        return disagreements(connection)


def revision(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def test_migration_keeps_all_rows(shop: tuple[Settings, Engine], caplog: pytest.LogCaptureFixture) -> None:
    settings, engine = shop
    before = rows(engine)
    migrate(settings, AFTER)
    assert (rows(engine), revision(engine)) == (before, AFTER)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    with engine.connect() as connection:
        command.downgrade(alembic_config(connection), BEFORE)
        connection.commit()
    assert rows(engine) == before
    run(engine, "UPDATE orders SET client_id = 2 WHERE id_key = 3")


SHARED = (
    ("UPDATE orders SET client_id = 2 WHERE id_key = 4", "bill 3: orders 3, 4"),
    ("UPDATE orders SET bill_id = 1 WHERE id_key = 3", "bill 1: orders 1, 3"),
    ("UPDATE orders SET bill_id = 2 WHERE id_key = 3", "bill 2: orders 2, 3"),
)


def test_shared_bills_stop_the_migration(shop: tuple[Settings, Engine]) -> None:
    settings, engine = shop
    for statement, shared in SHARED:
        run(engine, statement)
        before = rows(engine)
        with pytest.raises(SystemExit) as stopped:
            migrate(settings, AFTER)
        assert str(stopped.value.code).splitlines()[1:] == [f"  {shared}"]
        assert (rows(engine), revision(engine)) == (before, BEFORE)
        run(engine, "UPDATE orders SET client_id = 1, bill_id = 3 WHERE id_key IN (3, 4)")
    migrate(settings, AFTER)


def test_wrong_totals_are_listed_and_kept(shop: tuple[Settings, Engine], caplog: pytest.LogCaptureFixture) -> None:
    """Change a checkout as the version before allows it: the quantity, the discount, one total, all details."""
    settings, engine = shop
    run(
        engine,
        """
        INSERT INTO bills (id_key, bill_number, discount, date, total, payment_type)
            SELECT n, 'B-' || n, 5, '2026-01-01', 15, 'cash' FROM generate_series(11, 15) AS n;
        INSERT INTO orders (id_key, date, total, delivery_method, client_id, bill_id, checkout_lines)
            SELECT n, '2026-01-01Z', 15, 1, 1, n, 1 FROM generate_series(11, 15) AS n;
        INSERT INTO order_details (id_key, quantity, price, order_id, product_id)
            SELECT n, 2, 10, n, 1 FROM generate_series(11, 15) AS n;
        UPDATE order_details SET quantity = 3 WHERE id_key = 11;
        UPDATE bills SET discount = 4 WHERE id_key = 12;
        UPDATE bills SET total = 14 WHERE id_key = 13;
        DELETE FROM order_details WHERE id_key = 15;
    """,
    )
    before = rows(engine)
    migrate(settings, AFTER)
    [warning] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warning.startswith("4 checkout orders were changed")
    assert "do not add up: 11, 12, 13, 15." in warning
    assert (rows(engine), revision(engine)) == (before, AFTER)
    run(engine, "UPDATE bills SET discount = 0 WHERE id_key = 15")
    for order, correction in ((11, ADD_UP), (12, KEEP_TOTAL), (13, ADD_UP), (15, ADD_UP)):
        run(engine, correction.replace("= ID", f"= {order}"))
    migrate(settings)
    assert not [found for found in wrong(engine) if found.check == "totals"]


REFUSED = (
    "UPDATE orders SET client_id = 2 WHERE id_key = 4",
    "UPDATE orders SET bill_id = 1 WHERE id_key = 3",
    "INSERT INTO orders (id_key, date, total, delivery_method, client_id, bill_id) VALUES (5, now(), 1, 1, 2, 3)",
    "INSERT INTO orders (id_key, date, total, delivery_method, client_id, bill_id) VALUES (5, now(), 1, 1, 2, 2)",
    "INSERT INTO orders (id_key, date, total, delivery_method, client_id, bill_id) "
    "SELECT 4 + n, now(), 1, 1, n, 4 FROM generate_series(1, 2) AS n",
)


def test_the_database_keeps_bills_to_one_client(shop: tuple[Settings, Engine]) -> None:
    """Write without the service, as the version before does while both run."""
    settings, engine = shop
    migrate(settings, AFTER)
    before = rows(engine)
    for statement in REFUSED:
        with pytest.raises(IntegrityError, match="the bill"):
            run(engine, statement)
    assert rows(engine) == before
    run(engine, "UPDATE orders SET client_id = 2, bill_id = 4 WHERE id_key = 3")
