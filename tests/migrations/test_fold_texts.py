"""Migration 0008: it stops for rows that break the new rules, and the previous version works with its schema."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from config.settings import Settings
from migrations.runner import migrate
from tests.database import found
from tests.migrations.test_migrations import new_database, schema

PREVIOUS = "0007"
# Statements of the previous version.
INSERT_PRODUCT = "INSERT INTO products (name, price, stock, category_id) VALUES (:name, 1, 0, 1) RETURNING id_key, name"
INSERT_CLIENT = "INSERT INTO clients (name, lastname, email) VALUES (:name, 'Doe', :email) RETURNING id_key"
SEARCH = "SELECT id_key FROM products WHERE strpos(lower(name), lower(:text)) > 0 ORDER BY id_key"
BY_EMAIL = "SELECT id_key FROM clients WHERE lower(email) = lower(:email)"
OFFENDING = """
    INSERT INTO categories (id_key, name) VALUES (1, 'Toys'), (2, E'\\u200b'), (3, '\u3164 ');
    INSERT INTO clients (id_key, name, lastname, email) VALUES
        (1, 'N', 'P', 'ΝΙΚΟΣ@x.gr'), (2, 'N', 'P', 'νικος@x.gr'), (3, 'N', 'P', 'strasse@X.de'),
        (7, 'N', 'P', 'straße@x.de'),
        (4, 'M', 'M', 'i@xn--mnchen-3ya.de'), (5, 'M', E'\\t', 'plain@example.com'), (6, 'é', 'P', 'jo@shop.test');
    INSERT INTO products (id_key, name, price, category_id)
        SELECT n, CASE WHEN n > 20 THEN E'\\u2060' ELSE 'Crème ' || n END, 1, 1 FROM generate_series(1, 35) AS n;
    INSERT INTO addresses (id_key, street, number, city, client_id) VALUES (1, 'Street', '', 'Orléans', 1);
    INSERT INTO reviews (id_key, rating, comment, product_id) VALUES (1, 5, '', 1);
"""
MESSAGE = """\
migration 0008 changes nothing, because these rows break its rules (docs/OPERATIONS.md#upgrades):
  clients with equal e-mail addresses apart from letter case: [1, 2], [3, 7]
  clients whose e-mail address is not in normal form: 3, 4
  categories without a visible character in name: 2, 3
  clients without a visible character in lastname: 5
  products without a visible character in name: 21, 22, 23, 24, 25, 26, 27, 28, 29, 30 and 5 more"""
REPAIR = """
    DELETE FROM clients WHERE id_key IN (2, 7);
    UPDATE clients SET email = 'strasse@x.de' WHERE id_key = 3;
    UPDATE clients SET email = 'i@münchen.de' WHERE id_key = 4;
    UPDATE clients SET lastname = 'M' WHERE id_key = 5;
    UPDATE categories SET name = 'Shelf ' || id_key WHERE id_key > 1;
    UPDATE products SET name = 'Nameless' WHERE id_key > 20;
"""


@pytest.fixture
def populated(settings: Settings) -> Iterator[tuple[Settings, Engine]]:
    """Yield a database of the previous version, with rows that break the new rules."""
    with new_database(settings, "populated") as (there, engine):
        migrate(there, PREVIOUS)
        with engine.begin() as connection:
            connection.exec_driver_sql(OFFENDING)
        yield there, engine


def test_offending_rows_stop_the_migration_until_they_are_repaired(populated: tuple[Settings, Engine]) -> None:
    settings, engine = populated
    with engine.connect() as connection:
        before = schema(connection)
    with pytest.raises(SystemExit) as stopped:
        migrate(settings)
    assert stopped.value.code == MESSAGE
    with engine.begin() as connection:
        assert schema(connection) == before
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == PREVIOUS
        assert connection.scalar(text("SELECT count(*) FROM products WHERE name = U&'\\2060'")) == 15
        connection.exec_driver_sql(REPAIR)
    migrate(settings)
    with engine.connect() as connection:
        assert [found(connection, q) for q in ("creme", "CRÈME 1", "nameless", "less name")] == [20, 11, 15, 15]


def test_previous_version_works_with_the_schema(populated: tuple[Settings, Engine]) -> None:
    settings, engine = populated
    with engine.begin() as connection:
        connection.exec_driver_sql(REPAIR)
    migrate(settings)
    with engine.begin() as connection:
        connection.execute(text("SELECT setval('products_id_key_seq', 100), setval('clients_id_key_seq', 100)"))
        assert connection.execute(text(INSERT_PRODUCT), {"name": "Thé"}).one() == (101, "Thé")
        assert list(connection.scalars(text(SEARCH), {"text": "thÉ"})) == [101]
        connection.execute(text("UPDATE products SET name = 'Tée', stock = 2 WHERE id_key = 101"))
        assert found(connection, "tee") == 1
        key = connection.scalar(text(INSERT_CLIENT), {"name": "Jo", "email": "Jo@Example.com"})
        assert list(connection.scalars(text(BY_EMAIL), {"email": "JO@example.com"})) == [key]
