"""Lists of changes find their rows by an index, in every table."""

from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection

from controllers import CONTROLLERS
from repositories.base_repository_impl import BaseRepository
from repositories.product_repository import ProductRepository
from schemas.list_query import ListQuery
from schemas.product_schema import ProductFilters
from tests.database import analyze, executed_plan, many_rows, nodes

LISTS = {controller.service.repository: controller.filters for controller in CONTROLLERS}
LONG_AGO, LATELY = datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
ENTRIES = f"""
    INSERT INTO audit (principal, request_id, method, path, status, updated_at)
    SELECT 'a', 'b', 'PUT', '/products/1', 200, '2021-01-01Z' FROM generate_series(1, 1000);
    {analyze("audit")}
"""
PRODUCTS = """
    INSERT INTO products (id_key, name, price, category_id, updated_at)
        SELECT n, 'Chair', 1, 1, CASE WHEN mod(n, 1000) = 0 THEN '2026-02-01Z' ELSE '2021-01-01Z' END::timestamptz
        FROM generate_series(1, 8000) AS n
"""
SHOP = f"""
    INSERT INTO categories (id_key, name) VALUES (1, 'a');
    {many_rows("products", PRODUCTS)}
"""


@pytest.fixture
def connection(app: FastAPI, client: TestClient) -> Connection:
    connection: Connection = app.state.app_context.database.connection
    return connection


def used_indexes(plan: dict[str, Any]) -> set[str]:
    return {node["Index Name"] for node in nodes(plan) if "Index Name" in node and node["Actual Loops"]}


@pytest.mark.parametrize("repository", LISTS, ids=lambda repository: repository.model.__tablename__)
def test_every_table_has_an_index_of_changes(connection: Connection, repository: type[BaseRepository[Any]]) -> None:
    """Forbid scans of whole tables and of other orders, which the planner prefers for a few rows."""
    for scan in ("seqscan", "indexscan", "indexonlyscan"):
        connection.exec_driver_sql(f"SET LOCAL enable_{scan} = off")
    connection.exec_driver_sql(ENTRIES)  # the planner knows that the partition is empty, and reads it whole
    query = LISTS[repository](updated_since=LATELY)
    table = repository.model.__tablename__
    names = {f"ix_{table}_updated_at" + ("" if repository.model.is_append_only else "_id_key")}
    names |= {"audit_first_updated_at_idx"} if table == "audit" else set()
    assert names & used_indexes(executed_plan(connection, repository.page(query, ("id_key",))))
    assert names & used_indexes(executed_plan(connection, repository.total(query)))


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ({"limit": 5}, [1000, 2000, 3000, 4000, 5000]),
        ({"limit": 100}, list(range(1000, 9000, 1000))),
        ({"limit": 3, "after_id": 6500}, [7000, 8000]),
        ({"limit": 2, "sort": "-id_key", "after_id": 3500}, [3000, 2000]),
    ],
)
def test_page_of_changes_reads_no_other_rows(connection: Connection, page: dict[str, Any], found: list[int]) -> None:
    connection.exec_driver_sql(SHOP)
    query = ProductFilters.model_validate({"updated_since": LATELY, **page})
    statement = ProductRepository.page(query, ("id_key", "updated_at"))
    assert [row.id_key for row in connection.exec_driver_sql(statement.sql, statement.parameters)] == found
    plan = executed_plan(connection, statement)
    assert "ix_products_updated_at_id_key" in used_indexes(plan)
    matches = [node for node in nodes(plan) if node.get("Index Name") == "ix_products_updated_at_id_key"]
    assert sum(node["Actual Rows"] for node in matches if node["Actual Loops"]) <= 2 * 8
    assert statement.is_prepared


def test_page_of_many_changes_is_read_in_key_order(connection: Connection) -> None:
    """Read the first page of everything, as a new client does."""
    connection.exec_driver_sql(SHOP)
    query: ListQuery = ProductFilters(updated_since=LONG_AGO, after_id=4000, limit=10)
    statement = ProductRepository.page(query, ("id_key",))
    rows = connection.exec_driver_sql(statement.sql, statement.parameters)
    assert [row.id_key for row in rows] == list(range(4001, 4011))
    scans = [node for node in nodes(executed_plan(connection, statement)) if node.get("Relation Name") == "products"]
    assert all(node["Actual Rows"] <= 10 for node in scans if node["Actual Loops"]), scans
