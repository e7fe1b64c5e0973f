"""Lists leave archived products out without reading them, however many there are."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection

from repositories.product_repository import ProductRepository
from repositories.statements.statement import Statement
from repositories.system import health_repository
from schemas.product_schema import LowStockQuery, ProductFilters
from tests.database import analyze, executed_plan, many_rows, nodes

# As in an old shop, most products are archived: the oldest ones, without stock.
PRODUCTS = """
    INSERT INTO products (id_key, name, price, stock, category_id, archived, sku)
        SELECT n, 'Chair ' || n, 1 + mod(n, 50), CASE WHEN n > 7600 THEN 3 ELSE 0 END, 1, n <= 7600, 'C-' || n
        FROM generate_series(1, 8000) AS n
"""
SHOP = f"""
    INSERT INTO categories (id_key, name) VALUES (1, 'a');
    {many_rows("products", PRODUCTS)}
"""


@pytest.fixture
def shop(app: FastAPI, client: TestClient) -> Connection:
    connection: Connection = app.state.app_context.database.connection
    connection.exec_driver_sql(SHOP)
    return connection


def scans(connection: Connection, statement: Statement) -> list[dict[str, Any]]:
    """Return the scans of the table that were executed. None may throw rows away."""
    found = [node for node in nodes(executed_plan(connection, statement)) if node.get("Relation Name") == "products"]
    executed = [node for node in found if node["Actual Loops"]]
    assert all("Index" in node["Node Type"] for node in executed), executed
    assert not any(node.get("Rows Removed by Filter") for node in executed), executed
    return executed


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (ProductFilters(limit=10), "ix_products_archived_id_key"),
        (ProductFilters(limit=7, skip=3), "ix_products_archived_id_key"),
        (ProductFilters(limit=10, sort="-id_key", after_id=7700), "ix_products_archived_id_key"),
        (ProductFilters(limit=10, sort="price"), "ix_products_live_price"),
        (ProductFilters(limit=10, sort="-name"), "ix_products_live_name"),
        (ProductFilters(limit=10, sort="stock"), "ix_products_live_stock"),
        (ProductFilters(limit=10, category_id=1, sort="price"), "ix_products_live_category_id_price"),
        (LowStockQuery(limit=10, threshold=5), "ix_products_live_stock"),
        (ProductFilters(sku="C-7801"), "uq_products_sku"),
    ],
)
def test_page_reads_only_its_rows(shop: Connection, query: ProductFilters, index: str) -> None:
    statement = ProductRepository.page(query, ("id_key", "name", "archived"))
    rows = shop.exec_driver_sql(statement.sql, statement.parameters).all()
    assert len(rows) == (1 if "sku" in query.filters() else query.limit)
    assert {row.archived for row in rows} == {query.is_archived()}
    assert [scan["Index Name"] for scan in scans(shop, statement)] == [index]


@pytest.mark.parametrize("after", [{}, {"after_id": 5000}, {"sort": "-id_key"}])
def test_page_of_archived_products_reads_no_others(shop: Connection, after: dict[str, Any]) -> None:
    shop.exec_driver_sql(f"UPDATE products SET archived = id_key > 7600; {analyze('products')}")
    query = ProductFilters.model_validate({"limit": 10, "archived": True, **after})
    statement = ProductRepository.page(query, ("id_key", "archived"))
    assert len(shop.exec_driver_sql(statement.sql, statement.parameters).all()) == 10
    assert [scan["Index Name"] for scan in scans(shop, statement)] == ["ix_products_archived_id_key"]


def test_range_compares_prices_within_the_index(shop: Connection) -> None:
    statement = ProductRepository.page(ProductFilters.model_validate({"min_price": 50, "limit": 100}), ("id_key",))
    used = {scan["Index Name"] for scan in scans(shop, statement)}
    assert "ix_products_live_price" in used


def test_counts_read_only_an_index(shop: Connection) -> None:
    for query, count in ((ProductFilters(), 400), (ProductFilters(archived=True), 7600)):
        statement = ProductRepository.total(query)
        assert shop.exec_driver_sql(statement.sql, statement.parameters).scalar() == count
    low_stock = health_repository.low_stock(5)
    assert shop.exec_driver_sql(low_stock.sql, low_stock.parameters).scalar() == 400
    assert [scan["Index Name"] for scan in scans(shop, low_stock)] == ["ix_products_live_stock"]
