"""Ranges and searches: every alternative of a searched page gives the rows that the filters select."""

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
# Dates are in the order of the keys, prices and names are not; a few keys are missing.
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
def scan_budget(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit the rows that are scanned before an index is used, and the sample that gives the range cutoff."""
    set_scan_budget(monkeypatch, *request.param)


def set_scan_budget(monkeypatch: pytest.MonkeyPatch, rows: int, sample: int = 0, glance: int | None = None) -> None:
    computed = ScanBudget.parameters
    own = {"walk": rows, "glance": rows // 3 if glance is None else glance, "sample": sample}

    def parameters(budget: ScanBudget, end: int) -> dict[str, int]:
        return computed(budget, end) | own

    monkeypatch.setattr(ScanBudget, "parameters", parameters)


@pytest.mark.usefixtures("scan_budget")
@pytest.mark.parametrize(("repository", "filters", "given", "is_match"), LISTS)
def test_page_has_the_rows_that_its_filters_select(
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
        assert shown == expected_page(query, [row.id_key for row in table if is_match(row)]), (given, page)


def expected_page(query: ListQuery, matches: list[int]) -> list[int]:
    keys = sorted((key for key in matches if key > (query.after_id or 0)), reverse=query.sort == "-id_key")
    return keys[query.skip : query.skip + query.limit]


def test_search_reads_key_buckets(shop: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill each bucket with three or four products; a page that two buckets do not fill uses all matches."""
    shop.exec_driver_sql(SPREAD)
    set_scan_budget(monkeypatch, 0)
    table = shop.execute(ProductRepository.model.__table__.select()).all()
    for text, page in itertools.product(("chair", "ukulele"), PAGES):
        after = {"after_id": page["after_id"] * 10000} if "after_id" in page else {}
        query = ProductFilters.model_validate({"q": text} | page | after)
        statement = ProductRepository.page(query, ("id_key",))
        shown = [row.id_key for row in shop.exec_driver_sql(statement.sql, statement.parameters)]
        assert shown == expected_page(query, [row.id_key for row in table if text in row.name.lower()]), (text, page)


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
def test_all_matches_are_read_only_after_unfilled_buckets(
    shop: Connection, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], *, is_near: bool
) -> None:
    """Place chairs 2 to 6 in the first two buckets, 4 to 6 in the second one, and 57 to 60 in the last two."""
    shop.exec_driver_sql(SPREAD)
    set_scan_budget(monkeypatch, 0)
    query = ProductFilters.model_validate({"q": "chair"} | asked)
    assert ("index" in executed_rows(shop, ProductRepository, query)) != is_near


def executed_rows(connection: Connection, repository: type[BaseRepository[Any]], query: ListQuery) -> dict[str, int]:
    """Return the number of rows from each executed part of the statement.

    The parts are the `glance`, the `walk`, the `first` rows of a range, `every` match of a range, and the page that the
    `index` gives.
    """
    statement = repository.page(query, ("id_key",))
    plan = executed_plan(connection, statement)
    alternatives = [part for part in plan["Plans"] if part["Parent Relationship"] == "InitPlan"]
    named = {node["Alias"]: node for node in nodes(plan) if node["Node Type"] == "Subquery Scan"}
    parts = {**named, "index": alternatives[-1]}
    return {name: round(part["Actual Rows"]) for name, part in parts.items() if part["Actual Loops"]}


def test_index_is_used_only_if_the_scan_does_not_fill_the_page(
    shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scan 10 orders; seven of them match."""
    set_scan_budget(monkeypatch, 10)
    query = OrderFilters(date_from=START + timedelta(days=14), delivery_method=2, limit=7)
    assert executed_rows(shop, OrderRepository, query) == {"walk": 7}
    more = query.model_copy(update={"limit": 8})
    assert executed_rows(shop, OrderRepository, more) == {"walk": 7, "index": 8}


@pytest.mark.parametrize(("glance", "is_scanned"), [(11, False), (12, True)])
def test_text_search_scans_only_if_a_match_is_near(
    shop: Connection, monkeypatch: pytest.MonkeyPatch, glance: int, *, is_scanned: bool
) -> None:
    """Search for a text that first occurs in the twelfth product."""
    set_scan_budget(monkeypatch, 40, glance=glance)
    query = ProductFilters(q="ukulele", limit=1)
    assert ("walk" in executed_rows(shop, ProductRepository, query)) == is_scanned


@pytest.mark.parametrize(("glance", "is_scanned"), [(5, False), (6, True)])
def test_range_scan_continues_only_with_enough_matches(
    shop: Connection, monkeypatch: pytest.MonkeyPatch, glance: int, *, is_scanned: bool
) -> None:
    """Require more than two matches, the scan's share of the page; the third match is the sixth product."""
    set_scan_budget(monkeypatch, 60, glance=glance)
    parts = executed_rows(shop, ProductRepository, ProductFilters(min_price=Decimal(34), limit=10))
    assert (parts.get("walk"), parts.get("index")) == ((10, None) if is_scanned else (None, 10))


@pytest.mark.parametrize(
    ("asked", "distance"),
    [
        ({"date_from": START + timedelta(days=24)}, 26 - 2),
        ({"date_from": START + timedelta(days=24), "after_id": 1}, 26 - 1),
        ({"date_to": f"{START + timedelta(days=36)}", "sort": "-id_key"}, 60 - 34),
    ],
)
def test_range_scan_starts_only_if_the_range_is_near(
    shop: Connection, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], distance: int
) -> None:
    """Use dates in key order: the first rows of the range give the distance of the page's end."""
    query = OrderFilters.model_validate(asked | {"limit": 3})
    for budget, used in ((distance, "index"), (distance + 1, "walk")):
        with monkeypatch.context() as patch:
            set_scan_budget(patch, budget, sample=5, glance=3)
            parts = executed_rows(shop, OrderRepository, query)
        assert {"index", "walk"} & parts.keys() == {used}


def test_range_read_stops_at_the_range_cutoff(shop: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Find 47 matches; the first 20 by price give a key with three matches before it."""
    query = ProductFilters(min_price=Decimal(12), limit=3)
    set_scan_budget(monkeypatch, 0, sample=2)
    assert executed_rows(shop, ProductRepository, query)["every"] == 47
    set_scan_budget(monkeypatch, 0, sample=20)
    assert executed_rows(shop, ProductRepository, query)["every"] < 10
    backwards = query.model_copy(update={"sort": "-id_key"})
    assert executed_rows(shop, ProductRepository, backwards)["every"] < 10


def test_scan_budget_grows_with_the_page_up_to_a_maximum() -> None:
    lengths = [ScanBudget(100).parameters(end) for end in (1, 10, 100, 1000, 2**63)]
    walks = [length["walk"] for length in lengths]
    assert walks == sorted(walks)
    assert 0 < walks[0] < walks[2] < walks[-1] == MOST
    assert all(length["last"] < length["sample"] <= MOST for length in lengths[:-1])


@pytest.mark.parametrize(
    ("query", "budget"),
    [
        (ProductFilters(min_price=Decimal(1)), ALONG_KEYS),
        (ProductFilters(q="chair"), FOR_A_TEXT),
        (ProductFilters(q="chair", category_id=1), WITHIN_A_VALUE),
    ],
)
def test_scan_budget_depends_on_the_cost_of_the_alternative(query: ProductFilters, budget: ScanBudget) -> None:
    parameters = ProductRepository.page(query, ("id_key",)).parameters
    assert parameters.items() >= budget.parameters(query.limit).items()
    assert WITHIN_A_VALUE < ALONG_KEYS < FOR_A_TEXT


def test_only_pages_with_one_good_plan_are_prepared() -> None:
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


def test_only_searches_in_key_order_have_alternatives() -> None:
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


def test_scan_skips_filters_without_an_index() -> None:
    """Skip them: a filter without an index would read the whole table to find its rows."""
    query = AuditFilters(method="PUT", path="/x", date_from=START)
    sql = AuditEntryRepository.page(query, ("id_key",)).sql
    scan = sql.split("is_match")[1].split("ORDER BY")[0]
    assert ("audit.path" in scan, "audit.method" in scan) == (True, False)
