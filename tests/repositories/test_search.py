"""Ranges and searches: whichever way PostgreSQL takes to a page, its rows are those that the filters mean."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection

from repositories.audit_entry_repository import AuditEntryRepository
from repositories.base_repository_impl import BaseRepository
from repositories.client_repository import ClientRepository
from repositories.order_repository import OrderRepository
from repositories.product_repository import ProductRepository
from repositories.queries.scan_budget import ALONG_KEYS, FOR_A_TEXT, MOST, WITHIN_A_VALUE, ScanBudget
from schemas.audit_schema import AuditFilters
from schemas.client_schema import ClientFilters
from schemas.list_query import ListQuery
from schemas.order_schema import OrderFilters
from schemas.product_schema import ProductFilters
from tests.database import executed_plan, nodes

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
SPREAD = "UPDATE products SET id_key = id_key * 10000"
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
    {"limit": 1000, "skip": 2**63 - 1},
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
    connection: Connection = app.state.app_context.database.connection
    connection.exec_driver_sql(SHOP)
    return connection


@pytest.fixture(params=[(0, 0), (1, 3), (2, 5), (3, 10), (10, 20), (ROWS - 3, 40), (1000, 1000)])
def walk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many rows are walked along before an index is asked, and so many of a range tell where the page ends."""
    walk_along(monkeypatch, *request.param)


def walk_along(monkeypatch: pytest.MonkeyPatch, rows: int, sample: int = 0, glance: int | None = None) -> None:
    computed = ScanBudget.parameters
    own = {"walk": rows, "glance": rows // 3 if glance is None else glance, "sample": sample}

    def parameters(walk: ScanBudget, end: int) -> dict[str, int]:
        return computed(walk, end) | own

    monkeypatch.setattr(ScanBudget, "parameters", parameters)


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


def test_a_search_goes_through_stretches_of_keys(shop: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three or four products lie in each; a page that the first two do not fill is made of all matches."""
    shop.exec_driver_sql(SPREAD)
    walk_along(monkeypatch, 0)
    table = shop.execute(ProductRepository.model.__table__.select()).all()
    for text, page in itertools.product(("chair", "ukulele"), PAGES):
        after = {"after_id": page["after_id"] * 10000} if "after_id" in page else {}
        query = ProductFilters.model_validate({"q": text} | page | after)
        statement = ProductRepository.page(query, ("id_key",))
        shown = [row.id_key for row in shop.exec_driver_sql(statement.sql, statement.parameters)]
        assert shown == plainly(query, [row.id_key for row in table if text in row.name.lower()]), (text, page)


@pytest.mark.parametrize(
    ("asked", "is_near"),
    [
        ({"limit": 5}, True),
        ({"limit": 6}, False),
        ({"limit": 1, "skip": 5}, False),
        ({"limit": 3, "after_id": 32767}, True),
        ({"limit": 4, "after_id": 32767}, False),
        ({"limit": 5, "after_id": 32768}, True),
        ({"limit": 4, "sort": "-id_key"}, True),
        ({"limit": 5, "sort": "-id_key"}, False),
    ],
)
def test_all_matches_are_read_only_when_the_first_stretches_do_not_fill_the_page(
    shop: Connection, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], *, is_near: bool
) -> None:
    """Of the chairs, 2 to 6 lie in the first two, 4 to 6 behind the middle of them, 57 to 60 in the last two."""
    shop.exec_driver_sql(SPREAD)
    walk_along(monkeypatch, 0)
    query = ProductFilters.model_validate({"q": "chair"} | asked)
    assert ("index" in executed(shop, ProductRepository, query)) != is_near


def executed(connection: Connection, repository: type[BaseRepository[Any]], query: ListQuery) -> dict[str, int]:
    """How many rows each part of the statement that is executed hands on: of the `glance`, the `walk`, the `first` rows
    of a range, `every` match of a range, and what the `index` gives of the page.
    """
    statement = repository.page(query, ("id_key",))
    plan = executed_plan(connection, statement)
    ways = [part for part in plan["Plans"] if part["Parent Relationship"] == "InitPlan"]
    named = {node["Alias"]: node for node in nodes(plan) if node["Node Type"] == "Subquery Scan"}
    parts = {**named, "index": ways[-1]}
    return {name: round(part["Actual Rows"]) for name, part in parts.items() if part["Actual Loops"]}


def test_an_index_is_asked_only_when_the_walk_has_not_filled_the_page(
    shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The walk along 10 orders of one kind meets seven matches."""
    walk_along(monkeypatch, 10)
    query = OrderFilters(date_from=START + timedelta(days=14), delivery_method=2, limit=7)
    assert executed(shop, OrderRepository, query) == {"walk": 7}
    more = query.model_copy(update={"limit": 8})
    assert executed(shop, OrderRepository, more) == {"walk": 7, "index": 8}


@pytest.mark.parametrize(("glance", "is_walked"), [(11, False), (12, True)])
def test_a_text_that_is_not_near_is_not_walked_for(
    shop: Connection, monkeypatch: pytest.MonkeyPatch, glance: int, *, is_walked: bool
) -> None:
    """The first of them is the twelfth product."""
    walk_along(monkeypatch, 40, glance=glance)
    query = ProductFilters(q="ukulele", limit=1)
    assert ("walk" in executed(shop, ProductRepository, query)) == is_walked


@pytest.mark.parametrize(("glance", "is_walked"), [(5, False), (6, True)])
def test_a_range_is_walked_for_as_long_as_it_is_on_course(
    shop: Connection, monkeypatch: pytest.MonkeyPatch, glance: int, *, is_walked: bool
) -> None:
    """It has to meet more than its share of the page, two matches; the third is the sixth product."""
    walk_along(monkeypatch, 60, glance=glance)
    parts = executed(shop, ProductRepository, ProductFilters(min_price=Decimal(34), limit=10))
    assert (parts.get("walk"), parts.get("index")) == ((10, None) if is_walked else (None, 10))


@pytest.mark.parametrize(
    ("asked", "away"),
    [
        ({"date_from": START + timedelta(days=24)}, 26 - 2),
        ({"date_from": START + timedelta(days=24), "after_id": 1}, 26 - 1),
        ({"date_to": f"{START + timedelta(days=36)}", "sort": "-id_key"}, 60 - 34),
    ],
)
def test_a_range_that_begins_near_is_walked_to(
    shop: Connection, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], away: int
) -> None:
    """Dates follow the keys: the first of the range tell how far away the page ends, though nothing is met so far."""
    query = OrderFilters.model_validate(asked | {"limit": 3})
    for walk, way in ((away, "index"), (away + 1, "walk")):
        with monkeypatch.context() as patch:
            walk_along(patch, walk, sample=5, glance=3)
            parts = executed(shop, OrderRepository, query)
        assert {"index", "walk"} & parts.keys() == {way}


def test_of_a_range_no_more_is_read_than_the_page_may_reach(shop: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all 47 matches the first 20 by price tell a key that three lie before."""
    query = ProductFilters(min_price=Decimal(12), limit=3)
    walk_along(monkeypatch, 0, sample=2)
    assert executed(shop, ProductRepository, query)["every"] == 47
    walk_along(monkeypatch, 0, sample=20)
    assert executed(shop, ProductRepository, query)["every"] < 10
    backwards = query.model_copy(update={"sort": "-id_key"})
    assert executed(shop, ProductRepository, backwards)["every"] < 10


def test_the_walk_is_longer_for_a_longer_page_and_has_an_end() -> None:
    lengths = [ScanBudget(100).parameters(end) for end in (1, 10, 100, 1000, 2**63)]
    walks = [length["walk"] for length in lengths]
    assert walks == sorted(walks)
    assert 0 < walks[0] < walks[2] < walks[-1] == MOST
    assert all(length["last"] < length["sample"] <= MOST for length in lengths[:-1])


@pytest.mark.parametrize(
    ("query", "walk"),
    [
        (ProductFilters(min_price=Decimal(1)), ALONG_KEYS),
        (ProductFilters(q="chair"), FOR_A_TEXT),
        (ProductFilters(q="chair", category_id=1), WITHIN_A_VALUE),
    ],
)
def test_the_walk_is_as_long_as_what_comes_after_it_is_dear(query: ProductFilters, walk: ScanBudget) -> None:
    parameters = ProductRepository.page(query, ("id_key",)).parameters
    assert parameters.items() >= walk.parameters(query.limit).items()
    assert WITHIN_A_VALUE < ALONG_KEYS < FOR_A_TEXT


def test_only_pages_of_one_plan_are_prepared() -> None:
    prepared: list[tuple[type[BaseRepository[Any]], ListQuery]] = [
        (ProductRepository, ProductFilters(limit=10)),
        (ProductRepository, ProductFilters(min_price=Decimal(1), max_price=Decimal(5), limit=7, skip=3)),
        (OrderRepository, OrderFilters(date_from=START, after_id=5, limit=100)),
        (OrderRepository, OrderFilters(date_from=START, status=1, limit=7)),
        (OrderRepository, OrderFilters(status=3, sort="-date", limit=10)),
        (ProductRepository, ProductFilters(in_stock=True, after_id=5, limit=20)),
        (ProductRepository, ProductFilters(q="chair", sort="-id_key")),
        (ProductRepository, ProductFilters(q="chair", category_id=1)),
        (ClientRepository, ClientFilters(q="Doe")),
        (ProductRepository, ProductFilters(q="chair", sort="-price")),
    ]
    planned: list[tuple[type[BaseRepository[Any]], ListQuery]] = [
        (ProductRepository, ProductFilters(limit=7)),
        (OrderRepository, OrderFilters(status=3, limit=7)),
        (OrderRepository, OrderFilters(date_from=START, delivery_method=1, limit=10)),
        (OrderRepository, OrderFilters(status=3, client_id=1, limit=10)),
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
