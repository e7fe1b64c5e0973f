"""First pages for one filter value: the index holds its rows in page order, so no other row is read."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection

from repositories.order_repository import OrderRepository
from schemas.order_schema import OrderFilters
from tests.database import executed_plan, many_rows, nodes

DELIVERED, CANCELED = 3, 4
# As in any shop, the newest orders are not delivered yet; a scan by date would read 1,600 of them first.
ORDERS = """
    INSERT INTO orders (id_key, date, total, delivery_method, status, client_id, bill_id)
        SELECT n, '2026-01-01Z'::timestamptz + n * interval '1 minute', 1, 1,
            CASE WHEN n > 6400 THEN 1 ELSE 3 END, 1, 1
        FROM generate_series(1, 8000) AS n
"""
SHOP = f"""
    INSERT INTO clients (id_key, name, lastname, email) VALUES (1, 'Jo', 'Doe', 'jo@example.com');
    INSERT INTO bills (id_key, bill_number, date, total, payment_type) VALUES (1, 'x', '2026-01-01', 1, 'cash');
    {many_rows("orders", ORDERS)}
"""


@pytest.fixture
def shop(app: FastAPI, client: TestClient) -> Connection:
    connection: Connection = app.state.app_context.database.connection
    connection.exec_driver_sql(SHOP)
    return connection


@pytest.mark.parametrize("sort", ["id_key", "-id_key", "date", "-date"])
@pytest.mark.parametrize(("status", "found"), [(DELIVERED, 10), (CANCELED, 0)])
def test_first_page_reads_no_row_of_another_status(shop: Connection, sort: str, status: int, found: int) -> None:
    query = OrderFilters.model_validate({"status": status, "sort": sort, "limit": 10})
    statement = OrderRepository.page(query, ("id_key", "status", "total"))
    rows = shop.exec_driver_sql(statement.sql, statement.parameters).all()
    assert [row.status for row in rows] == found * [status]
    assert [row.id_key for row in rows] == sorted((row.id_key for row in rows), reverse=sort.startswith("-"))
    plan_nodes = list(nodes(executed_plan(shop, statement)))
    assert [node["Node Type"] for node in plan_nodes] == ["Limit", "Index Scan"]
    assert plan_nodes[-1].get("Rows Removed by Filter", 0) == 0
