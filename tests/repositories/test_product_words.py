"""Words of products: a search finds every committed name, however it was written."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection, Engine, text

from infrastructure.postgres.database import Database
from infrastructure.postgres.roles import OWNER
from repositories.product_repository import ProductRepository
from schemas.product_schema import ProductFilters
from tests.database import analyze, executed_plan, found, nodes
from tests.factories import Factory

CATEGORY = "INSERT INTO categories (id_key, name) VALUES (1, 'a')"
INSERT = "INSERT INTO products (name, price, category_id) VALUES (%s, 1, 1)"
IS_KNOWN = "SELECT EXISTS (SELECT FROM product_words WHERE word = %s)"
LONGEST = 200
WIDE = "㏂", "𠮷", "𝅘𝅥𝅲"
"""A character that folds to several, one of four bytes, and one that normalization splits into three of these."""


@pytest.fixture
def shop(app: FastAPI, client: TestClient) -> Connection:
    connection: Connection = app.state.app_context.database.connection
    connection.exec_driver_sql(CATEGORY)
    return connection


def test_words_are_added_and_stay(shop: Connection) -> None:
    for name in ("Blue Ukulele", "blue ÚKULÉLÉ", "Blue  Chair"):
        shop.exec_driver_sql(INSERT, (name,))
    shop.exec_driver_sql("UPDATE products SET name = 'Table' WHERE name LIKE 'Blue%%'")
    assert [found(shop, q) for q in ("table", "abl", "ukulele", "kulele blue", "chair")] == [2, 2, 1, 1, 0]
    shop.exec_driver_sql("DELETE FROM products")
    assert shop.exec_driver_sql(IS_KNOWN, ("ukulele",)).scalar()


def test_a_write_that_changes_no_name_adds_no_word(shop: Connection) -> None:
    shop.exec_driver_sql(INSERT, ("Ukulele",))
    shop.exec_driver_sql(f"SET LOCAL ROLE {OWNER}")
    shop.exec_driver_sql("DELETE FROM product_words")
    shop.exec_driver_sql("SET LOCAL ROLE NONE")
    shop.exec_driver_sql("UPDATE products SET stock = 5, name = name")
    assert not shop.exec_driver_sql(IS_KNOWN, ("ukulele",)).scalar()


@pytest.mark.parametrize(
    "name", [char * LONGEST for char in WIDE] + [f"{'x' * 98} {'y' * 101}", " ".join("abcde" * 20)]
)
def test_longest_names_fit_into_the_indexes(client: TestClient, make: Factory, name: str) -> None:
    """Send as many characters as the schema accepts after normalization."""
    category = make.category()["id_key"]
    while client.post("/products", json={"name": name, "price": 1, "category_id": category}).status_code == 422:
        name = name[:-1]
    assert len(name) > LONGEST / 4
    [product] = client.get("/products", params={"q": name.split()[0][:60], "sort": "price"}).json()
    assert product["category_id"] == category


def test_a_part_of_very_many_words_is_found(shop: Connection) -> None:
    """Search alone, with a rare word, and within a category: with rare words, and as if they were frequent."""
    shop.exec_driver_sql("""
        INSERT INTO categories (id_key, name) VALUES (2, 'b');
        INSERT INTO products (name, price, category_id)
            SELECT CASE WHEN mod(n, 100) = 0 THEN 'Blue ' ELSE 'Red ' END || 'code' || n, 1, 1 + mod(n, 2)
            FROM generate_series(1, 900) AS n
        """)
    shop.exec_driver_sql(f"{analyze('products')}; SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
    for is_all_read in (False, True):
        assert [found(shop, q) for q in ("code", "ode blue", "blue code9", "code1", "code899", "code901")] == [
            *(900, 9, 1, 111, 1, 0)
        ]
        for query, number in (
            (ProductFilters(q="ode blue", category_id=1), 9),
            (ProductFilters(q="ode red", category_id=2), 450),
        ):
            total = ProductRepository.total(query)
            assert shop.exec_driver_sql(total.sql, total.parameters).scalar() == number
        plan = executed_plan(shop, ProductRepository.total(ProductFilters(q="code1")))
        [index] = [node for node in nodes(plan) if node.get("Index Name", "").endswith("bucket_words")]
        assert (index["Actual Rows"] >= 900) == is_all_read
        shop.exec_driver_sql("INSERT INTO product_words SELECT word FROM product_words, generate_series(1, 2)")


def test_words_behind_very_many_entries_are_found(shop: Connection) -> None:
    """Find a product although a search reads no further than the entries of another word."""
    shop.exec_driver_sql(INSERT, ("code1",))
    shop.exec_driver_sql("INSERT INTO product_words SELECT 'code1' FROM generate_series(1, 6000)")
    shop.exec_driver_sql(INSERT, ("code2",))
    assert found(shop, "code") == 2


def test_transactions_with_the_same_new_word_do_not_wait(committing_client: TestClient, committing: Database) -> None:
    """Open the second transaction while the first one is open, commit it before, and roll the first one back."""
    with committing.engine.connect() as first, committing.engine.connect() as second:
        second.exec_driver_sql("SET statement_timeout = '20s'")
        first.exec_driver_sql(CATEGORY)
        first.commit()
        first.exec_driver_sql(INSERT, ("Zither",))
        second.exec_driver_sql(INSERT, ("Zither",))
        second.commit()
        first.rollback()
        assert found(second, "zither") == 1
        assert second.exec_driver_sql(IS_KNOWN, ("zither",)).scalar()


def test_products_created_at_once_are_all_found(committing_client: TestClient, committing: Database) -> None:
    with committing.engine.begin() as connection:
        connection.exec_driver_sql(CATEGORY)

    def create(number: int) -> int:
        body = {"name": f"Sitar {'Theremin' if number % 2 else 'Celesta'}", "price": 1, "category_id": 1}
        return committing_client.post("/products", json=body).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(create, range(48))) == {201}
    counts = [
        committing_client.get("/products", params={"q": q, "sort": sort, "count": "true"}).headers["X-Total-Count"]
        for q in ("sitar", "theremin", "eles")
        for sort in ("id_key", "name")
    ]
    assert counts == ["48", "48", "24", "24", "24", "24"]


def test_bulk_load_without_triggers_adds_words(
    committing_client: TestClient, superuser: Engine, committing: Database
) -> None:
    """The role of a restore or a replication switches other triggers off."""
    with superuser.connect() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        connection.exec_driver_sql(CATEGORY)
        connection.exec_driver_sql(INSERT, ("Glockenspiel",))
    with committing.engine.connect() as connection:
        assert found(connection, "glocken") == 1
