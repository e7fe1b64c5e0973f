"""Migration 0024, from a populated database of the version before."""

import re
from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import Engine, text

from config.settings import Settings
from migrations.runner import alembic_config, migrate
from repositories.checks.consistency_check import disagreements
from tests.database import found
from tests.migrations.test_migrations import OPERATIONS, populated_database, run, schema

BEFORE, AFTER = "0023", "0024"
SHOP = """
    INSERT INTO categories (id_key, name) VALUES (1, 'a');
    INSERT INTO products (name, price, category_id) VALUES
        ('Blue Ukulele', 1, 1), ('Crème  brûlée', 1, 1), (E'Tab\\tle 3/4', 1, 1), ('日本語のギター', 1, 1);
"""
MANY = "INSERT INTO products (name, price, category_id) SELECT 'Rose', 1, 1 FROM generate_series(1, 2500)"
SEARCHES = "ukulele", "UKU blue", "creme", "brulee", "tab", "le", "3/4", "ギター", "ukuleles"
# Statements of the version before.
INSERT = "INSERT INTO products (name, price, category_id) VALUES ('Blue Zither', 1, 1)"
RENAME = "UPDATE products SET name = 'Green Ukulele' WHERE name = 'Blue Ukulele'"


@pytest.fixture
def shop(settings: Settings) -> Iterator[tuple[Settings, Engine]]:
    with populated_database(settings, "words", BEFORE, SHOP) as made:
        yield made


def test_every_product_is_found(shop: tuple[Settings, Engine]) -> None:
    """Search before and after writes of the version before."""
    settings, engine = shop
    with engine.connect() as connection:
        before = schema(connection)
    migrate(settings, AFTER)
    with engine.connect() as connection:
        assert [found(connection, q) for q in SEARCHES] == [1, 1, 1, 1, 1, 3, 1, 1, 0]
    run(engine, INSERT)
    run(engine, RENAME)
    with engine.connect() as connection:
        assert [found(connection, q) for q in ("blue", "zither", "green uku", "blue uku")] == [1, 1, 1, 0]
        assert [problem for check, problem in disagreements(connection) if check == "words"] == []
        command.downgrade(alembic_config(connection), BEFORE)
        connection.commit()
        assert schema(connection) == before


def test_frequent_words_have_more_entries(shop: tuple[Settings, Engine]) -> None:
    """Count those of the migration, of the commands of the documentation, and of the trigger."""
    settings, engine = shop
    run(engine, MANY)
    migrate(settings, AFTER)
    entries = text(
        "SELECT word, count(*) FROM product_words WHERE word IN ('rose', 'blue') GROUP BY word ORDER BY word"
    )
    for _ in range(2):
        with engine.connect() as connection:
            assert list(map(tuple, connection.execute(entries))) == [("blue", 1), ("rose", 3)]
        run(engine, documented_commands())
    run(engine, "; ".join([MANY] * 8))
    with engine.connect() as connection:
        more = connection.scalar(text("SELECT count(*) FROM product_words WHERE word = 'rose'"))
    assert 4 <= more < 100  # 20 more in the mean


def documented_commands() -> str:
    """Return the commands without those that begin and end their transaction."""
    [block] = [
        block for block in re.findall(r"```sql\n(.*?)```", OPERATIONS, re.DOTALL) if "product_words SELECT" in block
    ]
    return "".join(block.splitlines(keepends=True)[1:-1])


def test_words_can_be_collected_anew(shop: tuple[Settings, Engine]) -> None:
    """Use the commands of the documentation: they drop the words that no product has."""
    settings, engine = shop
    migrate(settings, AFTER)
    run(engine, RENAME)
    run(engine, documented_commands())
    with engine.connect() as connection:
        words = set(connection.scalars(text("SELECT word FROM product_words")))
        assert words == {"green", "ukulele", "creme", "", "brulee", "tab\tle", "3/4", "日本語のギター"}
        assert found(connection, "green") == 1
