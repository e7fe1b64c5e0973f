"""Migration 0016, from a populated database of the version before."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from config.settings import Settings
from infrastructure.postgres.database import Database
from migrations.runner import alembic_config, migrate
from tests.migrations.test_migrations import OPERATIONS, populated_database, run, schema, without_partitions

BEFORE, AFTER = "0014", "0016"
BY_HAND = next(block for block in re.findall(r"```sql\n(.*?)```", OPERATIONS, re.DOTALL) if "uq_products_sku" in block)
SHOP = """
    INSERT INTO clients (id_key, name, lastname, email) VALUES (1, 'Ann', 'A', 'ann@x.co');
    INSERT INTO categories (id_key, name) VALUES (1, 'Toys');
    INSERT INTO products (id_key, name, price, stock, category_id) VALUES (1, 'Kite', 10, 5, 1), (2, 'Ball', 5, 0, 1);
"""
NEW_PRODUCT = "INSERT INTO products (id_key, name, price, stock, category_id) VALUES (3, 'Doll', 1, 6, 1)"


@pytest.fixture
def shop(settings: Settings) -> Iterator[tuple[Settings, Engine]]:
    with populated_database(settings, "skus", BEFORE, SHOP) as made:
        yield made


def rows(engine: Engine, columns: str) -> list[Any]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(f"SELECT {columns} FROM products ORDER BY id_key"))]


def test_migration_changes_no_row(shop: tuple[Settings, Engine]) -> None:
    settings, engine = shop
    columns = "id_key, name, price, stock, category_id, created_at, updated_at, xmin"
    before = rows(engine, columns)
    migrate(settings, AFTER)
    assert rows(engine, columns) == before
    assert rows(engine, "sku, archived") == [(None, False)] * 2
    run(engine, "UPDATE products SET sku = 'K-1', archived = true WHERE id_key = 1")
    with engine.connect() as connection:
        command.downgrade(alembic_config(connection), BEFORE)
        connection.commit()
    assert [row[:5] for row in rows(engine, columns)] == [row[:5] for row in before]


def test_indexes_built_by_hand_are_kept(shop: tuple[Settings, Engine], committing: Database) -> None:
    """Run the commands of the documentation before the migration."""
    settings, engine = shop
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in BY_HAND.split(";")[:-1]:
            connection.execute(text(statement))
        built = connection.execute(text("SELECT oid, relname FROM pg_class WHERE relkind = 'i'")).all()
        migrate(settings, AFTER)
        after = connection.execute(text("SELECT oid, relname FROM pg_class WHERE relkind = 'i'")).all()
        migrate(settings)
        with committing.engine.connect() as other:
            assert indexes(connection) == indexes(other)
    made = {row.relname for row in set(after) - set(built) if not row.relname.endswith("_first")}
    assert made == {"ix_api_keys_updated_at_id_key"}, "the table is small"


def indexes(connection: Connection) -> set[tuple[Any, ...]]:
    return without_partitions(schema(connection, "indexes")["indexes"])


def test_previous_version_keeps_working(shop: tuple[Settings, Engine]) -> None:
    """Run its statements. They know neither of the columns."""
    settings, engine = shop
    migrate(settings, AFTER)
    run(engine, NEW_PRODUCT)
    run(engine, "UPDATE products SET stock = stock - 1, recorded_changes = recorded_changes + 1 WHERE id_key = 1")
    assert rows(engine, "stock, sku, archived") == [(4, None, False), (0, None, False), (6, None, False)]


def test_skus_are_unique_as_written(shop: tuple[Settings, Engine]) -> None:
    settings, engine = shop
    migrate(settings, AFTER)
    run(engine, "UPDATE products SET sku = 'K-1' WHERE id_key = 1; UPDATE products SET sku = 'k-1' WHERE id_key = 2")
    with pytest.raises(IntegrityError, match="uq_products_sku"):
        run(engine, "UPDATE products SET sku = 'K-1' WHERE id_key = 2")


def test_updated_at_is_the_time_of_the_write(shop: tuple[Settings, Engine]) -> None:
    """Write late in a transaction: its start is no lower bound that a reader could know of."""
    settings, engine = shop
    migrate(settings, AFTER)
    with engine.begin() as connection:
        later = connection.execute(text("SELECT clock_timestamp() FROM now()")).scalar_one()
        connection.execute(text(NEW_PRODUCT))
        connection.execute(text("UPDATE products SET price = 2 WHERE id_key = 1"))
        changed = connection.execute(text("SELECT updated_at FROM products WHERE id_key <> 2")).scalars().all()
    assert len(changed) == 2
    assert min(changed) > later
