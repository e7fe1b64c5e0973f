"""Migration 0010, from a populated database of the version before."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from config.settings import Settings
from migrations.runner import alembic_config, migrate
from tests.migrations.test_migrations import new_database, populated_database, run, schema
from tests.servers import ROOT

BEFORE, AFTER = "0009", "0010"
BY_HAND = next(
    block
    for block in re.findall(r"```sql\n(.*?)```", (ROOT / "docs/OPERATIONS.md").read_text(), re.DOTALL)
    if "uq_reviews_client_id_product_id" in block
)
SHOP = """
    INSERT INTO clients (id_key, name, lastname, email) VALUES (1, 'Ann', 'A', 'ann@x.co'), (2, 'Bob', 'B', 'bob@x.co');
    INSERT INTO categories (id_key, name) VALUES (1, 'Toys');
    INSERT INTO products (id_key, name, price, stock, category_id, supplied) VALUES (1, 'Kite', 10, 5, 1, 5);
    INSERT INTO reviews (rating, comment, product_id) SELECT 5, 'x', 1 FROM generate_series(1, 20);
    INSERT INTO idempotency_keys (caller, key, method, path, fingerprint, status, body, location)
        VALUES ('key:a', 'k', 'POST', '/clients', '\\x00', 201, '{}', '/clients/1');
"""
OLD_VERSION = """
    INSERT INTO reviews (rating, product_id) VALUES (1, 1), (1, 1);
    INSERT INTO idempotency_keys (caller, key, method, path, fingerprint)
        VALUES ('key:a', 'other', 'POST', '/clients', '\\x00');
"""
TABLES = ("clients", "products", "reviews")


@pytest.fixture
def shop(settings: Settings) -> Iterator[tuple[Settings, Engine]]:
    with populated_database(settings, "erasable", BEFORE, SHOP) as made:
        yield made


def rows(engine: Engine) -> list[Any]:
    """Return all rows, without the new columns."""
    with engine.connect() as connection:
        reviews = connection.execute(text("SELECT id_key, rating, comment, product_id FROM reviews ORDER BY 1")).all()
        columns = "caller, key, method, path, fingerprint, status, body, location, created_at"
        responses = connection.execute(text(f"SELECT {columns} FROM idempotency_keys ORDER BY 1, 2"))
        return [*reviews, *[tuple(map(bytes_of, row)) for row in responses]]


def bytes_of(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def files(engine: Engine) -> list[Any]:
    """Return the files of the two tables: a table that is written anew gets another one."""
    with engine.connect() as connection:
        query = "SELECT pg_relation_filenode('reviews'), pg_relation_filenode('idempotency_keys')"
        return [*connection.execute(text(query)).one()]


def test_migration_keeps_rows_and_the_version_before(shop: tuple[Settings, Engine]) -> None:
    settings, engine = shop
    before, tables = rows(engine), files(engine)
    migrate(settings, AFTER)
    assert (rows(engine), files(engine)) == (before, tables)
    run(engine, OLD_VERSION)
    with engine.connect() as connection:
        command.downgrade(alembic_config(connection), BEFORE)
        connection.commit()
    assert rows(engine)[: len(before) - 1] == before[:-1]
    run(engine, OLD_VERSION.replace("other", "another"))


def test_columns_and_indexes_made_by_hand_are_kept(shop: tuple[Settings, Engine]) -> None:
    settings, engine = shop
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in BY_HAND.split(";")[:-1]:
            connection.exec_driver_sql(statement)
        by_hand = schema(connection)
        migrate(settings, AFTER)
        assert schema(connection) == by_hand
    with new_database(settings, "erasable_too") as (own, other):
        migrate(own, AFTER)
        with other.connect() as connection:
            assert schema(connection) == by_hand


def test_the_database_keeps_a_client_to_one_review(shop: tuple[Settings, Engine]) -> None:
    settings, engine = shop
    migrate(settings, AFTER)
    add = "INSERT INTO reviews (rating, product_id, client_id) VALUES (1, 1, {})"
    run(engine, add.format(1))
    run(engine, add.format(2))
    for author in (1, 3):
        with pytest.raises(IntegrityError):
            run(engine, add.format(author))
    run(engine, "DELETE FROM clients")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*), count(client_id) FROM reviews")).one() == (22, 0)
