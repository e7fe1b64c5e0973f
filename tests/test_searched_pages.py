"""Ranges and searches: whichever way PostgreSQL takes to a page, its rows are those that the filters mean."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection

from models.order import OrderModel
from repositories.audit_entry_repository import AuditEntryRepository
from repositories.base_repository_impl import BaseRepository
from repositories.client_repository import ClientRepository
from repositories.order_repository import OrderRepository
from repositories.product_repository import ProductRepository
from repositories.searched_page import Search
from repositories.walk import MOST, walk_parameters
from schemas.audit_schema import AuditFilters
from schemas.client_schema import ClientFilters
from schemas.list_query import ListQuery, Where, where
from schemas.order_schema import OrderFilters
from schemas.product_schema import ProductFilters

ROWS = 60
START = datetime(2026, 1, 1, tzinfo=UTC)
# Dates follow the keys, prices and names do not; a few keys are missing.
SHOP = f"""
    INSERT INTO categories (id_key, name) VALUES (1, 'a'), (2, 'b');
    INSERT INTO clients (id_key, name, lastname, email) VALUES (1, 'Jo', 'Doe', 'jo@example.com');
    INSERT INTO bills (id_key, bill_number, date, total, payment_type) VALUES (1, 'x', '2026-01-01', 1, 'cash');
    INSERT INTO products (id_key, name, price, stock, supplied, category_id)
        SELECT n, CASE WHEN mod(n, 7) = 0 THEN 'Blue Ukulele ' ELSE 'Chair ' END || n,
            mod(n * 37, 50) + 1, mod(n, 3), mod(n, 3), CASE WHEN mod(n, 5) = 0 THEN 2 ELSE 1 END
        FROM generate_series(1, {ROWS}) AS n WHERE n NOT IN (1, 7, 30);
    INSERT INTO orders (id_key, date, total, delivery_method, status, client_id, bill_id)
        SELECT n, '2026-01-01Z'::timestamptz + n * interval '1 day', 1, 1 + mod(n, 3), 1 + mod(n, 4), 1, 1
        FROM generate_series(1, {ROWS}) AS n WHERE n NOT IN (1, 7, 30);
"""
PAGES: list[dict[str, Any]] = [
    {"limit": 1},
    {"limit": 3},
    {"limit": 3, "skip": 2},
    {"limit": 3, "skip": 1000},
    {"limit": 5, "after_id": 20},
    {"limit": 5, "after_id": 20, "skip": 3},
    {"limit": 5, "after_id": ROWS},
    {"limit": 4, "sort": "-id_key"},
    {"limit": 4, "sort": "-id_key", "skip": 5},
    {"limit": 1000},
]
Case = tuple[dict[str, Any], Callable[[Any], bool]]
PRODUCTS: list[Case] = [
    ({"min_price": 1}, lambda row: True),
    ({"min_price": 45}, lambda row: row.price >= 45),
    ({"max_price": 2}, lambda row: row.price <= 2),
    ({"min_price": 10, "max_price": 20}, lambda row: 10 <= row.price <= 20),
    ({"min_price": 51}, lambda row: False),
    ({"min_price": 20, "category_id": 2}, lambda row: row.price >= 20 and row.category_id == 2),
    ({"min_price": 20, "in_stock": True}, lambda row: row.price >= 20 and row.stock > 0),
    ({"q": "ukulele"}, lambda row: "Ukulele" in row.name),
    ({"q": "%"}, lambda row: False),
    ({"q": "uku", "category_id": 2}, lambda row: "Ukulele" in row.name and row.category_id == 2),
    ({"q": "uku", "category_id": 9}, lambda row: False),
    (
        {"q": "c", "max_price": 30, "in_stock": False},
        lambda row: "Chair" in row.name and row.price <= 30 and not row.stock,
    ),
]
LATE, EARLY = START + timedelta(days=50), START + timedelta(days=4)
ORDERS: list[Case] = [
    ({"date_from": LATE}, lambda row: row.date >= LATE),
    ({"date_to": f"{EARLY}"}, lambda row: row.date <= EARLY),
    ({"date_from": EARLY, "date_to": f"{LATE}"}, lambda row: EARLY <= row.date <= LATE),
    ({"date_from": LATE, "status": 2}, lambda row: row.date >= LATE and row.status == 2),
    ({"date_from": EARLY, "status": 2, "client_id": 1}, lambda row: row.date >= EARLY and row.status == 2),
]
LISTS: list[tuple[Any, ...]] = [(ProductRepository, ProductFilters, *case) for case in PRODUCTS]
LISTS += [(OrderRepository, OrderFilters, *case) for case in ORDERS]


@pytest.fixture
def shop(app: FastAPI, client: TestClient) -> Connection:
    connection: Connection = app.state.resources.database.connection
    connection.exec_driver_sql(SHOP)
    return connection


@pytest.fixture(params=[0, 1, 2, 3, 10, ROWS - 3, 1000])
def walk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many rows are walked along before an index is asked."""
    walk_along(monkeypatch, request.param)


def walk_along(monkeypatch: pytest.MonkeyPatch, rows: int, glance: int | None = None) -> None:
    lengths = {"walk": rows, "glance": rows // 3 if glance is None else glance}
    monkeypatch.setattr("repositories.list_statement.walk_parameters", lambda *_: lengths)


@pytest.mark.usefixtures("walk")
@pytest.mark.parametrize(("repository", "filters", "given", "is_match"), LISTS)
def test_a_page_has_the_rows_that_its_filters_mean(
    shop: Connection,
    repository: type[BaseRepository[Any]],
    filters: type[ListQuery],
    given: dict[str, Any],
    is_match: Callable[[Any], bool],
) -> None:
    table = shop.execute(repository.model.__table__.select()).all()
    for page in PAGES:
        query = filters.model_validate(given | page)
        statement = repository.page(query, ("id_key", "created_at"))
        shown = [row.id_key for row in shop.exec_driver_sql(statement.sql, statement.parameters)]
        assert shown == plainly(query, [row.id_key for row in table if is_match(row)]), (given, page)


def plainly(query: ListQuery, matches: list[int]) -> list[int]:
    keys = sorted((key for key in matches if key > (query.after_id or 0)), reverse=query.sort == "-id_key")
    return keys[query.skip : query.skip + query.limit]


def ways(connection: Connection, repository: type[BaseRepository[Any]], query: ListQuery) -> tuple[bool, bool]:
    """Whether the whole walk has been taken, and whether an index has been asked."""
    statement = repository.page(query, ("id_key",))
    plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, COSTS OFF) {statement.sql}", statement.parameters).scalars()
    walk, index = "\n".join(plan).split("\n  InitPlan ")[1:]
    return "never executed" not in walk, "never executed" not in index.splitlines()[1]


def test_an_index_is_asked_only_when_the_walk_has_not_filled_the_page(
    shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The walk meets seven matches."""
    walk_along(monkeypatch, 10)
    query = OrderFilters(date_from=START + timedelta(days=17), status=2, limit=7)
    assert ways(shop, OrderRepository, query) == (True, False)
    more = query.model_copy(update={"limit": 8})
    assert ways(shop, OrderRepository, more) == (True, True)


@pytest.mark.parametrize(("glance", "is_walked"), [(11, False), (12, True)])
def test_a_text_that_is_not_near_is_not_walked_for(
    shop: Connection, monkeypatch: pytest.MonkeyPatch, glance: int, *, is_walked: bool
) -> None:
    """The first of them is the twelfth product."""
    walk_along(monkeypatch, 40, glance)
    query = ProductFilters(q="ukulele", limit=1)
    assert ways(shop, ProductRepository, query) == (is_walked, not is_walked)


def test_the_walk_is_longer_for_a_longer_page_and_has_an_end() -> None:
    since = where("date", operator=">=")
    lengths = [walk_parameters(100, end)["walk"] for end in (1, 10, 100, 1000, 2**63)]
    assert lengths == sorted(lengths)
    assert 0 < lengths[0] < lengths[2] < lengths[-1] == MOST

    def unit(**filters: Where) -> int:
        search = Search.of(OrderModel, filters, (), is_after=False, is_backwards=False)
        return search.walk_unit

    assert unit(date_from=since, date_to=since) == unit(date_from=since) > 0
    assert unit(date_from=since, status=where("status")) == unit(date_from=since) // 3
    assert unit(q=where("date", "total", operator="contains")) == unit(q=where("date", operator="contains")) // 2


def test_only_pages_of_one_plan_are_prepared() -> None:
    prepared: list[tuple[type[BaseRepository[Any]], ListQuery]] = [
        (ProductRepository, ProductFilters(limit=10)),
        (ProductRepository, ProductFilters(min_price=Decimal(1), max_price=Decimal(5), limit=7, skip=3)),
        (OrderRepository, OrderFilters(date_from=START, after_id=5, limit=100)),
        (ProductRepository, ProductFilters(q="chair", sort="-id_key")),
        (ClientRepository, ClientFilters(q="Doe")),
        (ProductRepository, ProductFilters(q="chair", sort="-price")),
    ]
    planned: list[tuple[type[BaseRepository[Any]], ListQuery]] = [
        (ProductRepository, ProductFilters(limit=7)),
        (ProductRepository, ProductFilters(category_id=1)),
        (ProductRepository, ProductFilters(category_id=1, min_price=Decimal(1))),
        (ProductRepository, ProductFilters(in_stock=True, min_price=Decimal(1))),
        (ProductRepository, ProductFilters(q="ch")),
        (ProductRepository, ProductFilters(q="chair", min_price=Decimal(1))),
        (ProductRepository, ProductFilters(q="chair", category_id=1, sort="price")),
    ]
    for is_prepared, asked in ((True, prepared), (False, planned)):
        for repository, query in asked:
            assert (
                repository.page(query, tuple(repository.model.__table__.columns.keys())).is_prepared == is_prepared
            ), query


def test_only_what_is_sought_in_the_order_of_keys_takes_two_ways() -> None:
    plain: list[tuple[type[BaseRepository[Any]], ListQuery]] = [
        (ProductRepository, ProductFilters()),
        (ProductRepository, ProductFilters(category_id=1, in_stock=True, after_id=5)),
        (ProductRepository, ProductFilters(q="chair", sort="price")),
        (OrderRepository, OrderFilters(status=1, sort="-id_key")),
    ]
    assert not any("AS page" in repository.page(query, ("id_key", "price")).sql for repository, query in plain[:3])
    assert "AS page" not in OrderRepository.page(plain[3][1], ("id_key",)).sql
    own = OrderRepository.page(OrderFilters(date_from=START), ("id_key",), client_id=1)
    assert "AS page" not in own.sql, "a client's own rows are few"
    assert "AS page" in ClientRepository.page(ClientFilters(q="Doe"), ("id_key",)).sql


def test_a_walk_goes_along_no_filter_without_an_index() -> None:
    """It would read the whole table to find its rows."""
    query = AuditFilters(method="PUT", path="/x", date_from=START)
    sql = AuditEntryRepository.page(query, ("id_key",)).sql
    walked = sql.split("is_match")[1].split("ORDER BY")[0]
    assert ("audit.path" in walked, "audit.method" in walked) == (True, False)
