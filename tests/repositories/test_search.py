"""Ranges and text searches: every strategy for a page gives the rows that the filters select."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection

from infrastructure.postgres.prepared_sql import ShortSql
from infrastructure.postgres.roles import OWNER
from repositories import base_repository_impl
from repositories.address_repository import AddressRepository
from repositories.base_repository_impl import BaseRepository
from repositories.client_repository import ClientRepository
from repositories.order_repository import OrderRepository
from repositories.product_repository import ProductRepository
from repositories.queries import list_query
from repositories.queries.search_page import MAX_SCAN_ROWS, scan_parameters
from repositories.statements.statement import Statement
from repositories.system.audit_entry_repository import AuditEntryRepository
from schemas.address_schema import AddressFilters
from schemas.client_schema import ClientFilters
from schemas.list_query import ListQuery
from schemas.order_schema import OrderFilters
from schemas.product_schema import ProductFilters
from schemas.system.audit_schema import AuditFilters
from tests.database import analyze, executed_plan, nodes

ROWS = 60
START = datetime(2026, 1, 1, tzinfo=UTC)
# Dates are in the order of the keys, prices and names are not; a few keys are missing.
SHOP = f"""
    INSERT INTO categories (id_key, name) VALUES (1, 'a'), (2, 'b');
    INSERT INTO clients (id_key, name, lastname, email) VALUES (1, 'Jo', 'Doe', 'jo@example.com');
    INSERT INTO bills (id_key, bill_number, date, total, payment_type) VALUES (1, 'x', '2026-01-01', 1, 'cash');
    INSERT INTO products (id_key, name, price, stock, category_id)
        SELECT n, CASE WHEN mod(n, 7) = 0 THEN 'Blue Ukulele ' ELSE 'Chair ' END || n,
            mod(n * 37, 50) + 1, mod(n, 3), CASE WHEN mod(n, 5) = 0 THEN 2 ELSE 1 END
        FROM generate_series(1, {ROWS}) AS n WHERE n NOT IN (1, 7, 30);
    SET LOCAL ROLE {OWNER}; DELETE FROM stock_movements; SET LOCAL ROLE NONE; -- tests change keys of products
    INSERT INTO orders (id_key, date, total, delivery_method, status, client_id, bill_id)
        SELECT n, '2026-01-01Z'::timestamptz + n * interval '1 day', 1, 1 + mod(n, 3), 1 + mod(n, 4), 1, 1
        FROM generate_series(1, {ROWS}) AS n WHERE n NOT IN (1, 7, 30);
"""
MORE_ORDERS = f"""
    INSERT INTO orders (id_key, date, total, delivery_method, status, client_id, bill_id)
        SELECT n, CASE WHEN n > 3500 THEN '2027-01-01Z' ELSE '2026-01-01Z' END::timestamptz, 1, 1, 1, 1, 1
        FROM generate_series(1001, 4000) AS n;
    {analyze("orders")}
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
    {"limit": 4, "sort": "-id_key", "after_id": 20},
    {"limit": 3, "sort": "-id_key", "after_id": ROWS + 5, "skip": 2},
    {"limit": 4, "sort": "-id_key", "after_id": 2},
    {"limit": 1000},
    {"limit": 1000, "skip": 2**63 - 1},
    {"limit": 10},
    {"limit": 10, "after_id": 20},
    {"limit": 10, "sort": "-id_key", "after_id": 20},
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
    ({"category_id": 2}, lambda row: row.category_id == 2),
    ({"category_id": 9}, lambda row: False),
    ({"q": "ukulele"}, lambda row: "Ukulele" in row.name),
    ({"q": "lele blue"}, lambda row: "Ukulele" in row.name),
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
    ({"status": 2}, lambda row: row.status == 2),
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
def bounds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vary the scan budget and the sample of a range."""
    set_bounds(monkeypatch, *request.param)


def set_bounds(monkeypatch: pytest.MonkeyPatch, budget: int, sample: int = 0, glance: int | None = None) -> None:
    own = {"scan_budget": budget, "glance": budget // 3 if glance is None else glance, "sample": sample}
    monkeypatch.setattr(list_query, "scan_parameters", lambda end: scan_parameters(end) | own)
    monkeypatch.setattr(base_repository_impl, "list_statement", list_query.list_statement.__wrapped__)  # not remembered


@pytest.mark.usefixtures("bounds")
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
    is_backwards, after = query.sort == "-id_key", query.after_id
    keys = sorted(matches, reverse=is_backwards)
    if after is not None:
        keys = [key for key in keys if (key < after if is_backwards else key > after)]
    return keys[query.skip : query.skip + query.limit]


def test_search_reads_key_buckets_first(shop: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill each bucket with three or four products; a page that two buckets do not fill uses all matches."""
    shop.exec_driver_sql(SPREAD)
    set_bounds(monkeypatch, 0)
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
    set_bounds(monkeypatch, 0)
    query = ProductFilters.model_validate({"q": "chair"} | asked)
    assert ("index" in executed_rows(shop, ProductRepository, query)) != is_near


@pytest.mark.parametrize(
    ("asked", "is_read"),
    [
        ({"q": "chair", "limit": 2}, False),
        ({"q": "chair", "limit": 3}, True),
        ({"q": "chair", "limit": 8, "skip": 3}, True),
        ({"q": "chair", "limit": 9, "skip": 3}, False),
        ({"q": "chair", "limit": 3, "after_id": 30000}, True),
        ({"q": "ukulele", "limit": 1}, False),
        ({"q": "chair", "limit": 12}, False),
        ({"q": "chair", "limit": 12, "sort": "-id_key"}, True),
    ],
)
def test_second_bucket_is_read_only_if_the_page_may_end_there(
    shop: Connection, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], *, is_read: bool
) -> None:
    """Place chairs 2 and 3 in the first bucket, 59 and 60 in the last one, the first ukulele in the fifth one."""
    shop.exec_driver_sql(SPREAD)
    set_bounds(monkeypatch, 0)
    plan = executed_plan(shop, ProductRepository.page(ProductFilters.model_validate(asked), ("id_key",)))
    [buckets] = [node for node in nodes(plan) if node["Node Type"] == "Append"]
    second = buckets["Plans"][-1]
    assert any(node["Actual Loops"] for node in nodes(second) if "Relation Name" in node) == is_read


def executed_rows(connection: Connection, repository: type[BaseRepository[Any]], query: ListQuery) -> dict[str, int]:
    """Return the number of rows that each part of the statement returns.

    The parts are the `glance`, the scan within the `scan_budget`, the `sample` of a range, all `matches`, and the
    `index` that gives the page when no earlier strategy does.
    """
    statement = repository.page(query, ("id_key",))
    plan = executed_plan(connection, statement)
    strategies = [part for part in plan["Plans"] if part["Parent Relationship"] == "InitPlan"]
    named = {node["Alias"]: node for node in nodes(plan) if node["Node Type"] == "Subquery Scan"}
    parts = {**named, "index": strategies[-1]}
    return {name: round(part["Actual Rows"]) for name, part in parts.items() if part["Actual Loops"]}


def test_index_is_used_only_if_the_scan_does_not_fill_the_page(
    shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Use a filter without an index by date; seven of the first 10 orders match."""
    set_bounds(monkeypatch, 30, glance=10)
    query = OrderFilters(date_from=START + timedelta(days=14), delivery_method=2, limit=7)
    assert executed_rows(shop, OrderRepository, query) == {"glance": 7}
    more = query.model_copy(update={"limit": 8})
    parts = executed_rows(shop, OrderRepository, more)
    assert (parts["glance"], parts["index"]) == (7, 8)


@pytest.mark.parametrize(("glance", "is_scanned"), [(11, False), (12, True)])
def test_text_scan_ends_early_without_matches(
    shop: Connection, monkeypatch: pytest.MonkeyPatch, glance: int, *, is_scanned: bool
) -> None:
    """Search for a text that first occurs in the twelfth product."""
    set_bounds(monkeypatch, 40, glance=glance)
    query = ProductFilters(q="ukulele", limit=1)
    assert ("scan_budget" in executed_rows(shop, ProductRepository, query)) == is_scanned


@pytest.mark.parametrize(("glance", "is_scanned"), [(5, False), (6, True)])
def test_range_scan_continues_with_its_share_of_matches(
    shop: Connection, monkeypatch: pytest.MonkeyPatch, glance: int, *, is_scanned: bool
) -> None:
    """Require three matches in the glance for a page of 10; the third is the sixth product."""
    set_bounds(monkeypatch, 60, glance=glance)
    parts = executed_rows(shop, ProductRepository, ProductFilters(min_price=Decimal(34), limit=10))
    assert (parts.get("scan_budget"), parts.get("index")) == ((10, None) if is_scanned else (None, 10))


@pytest.mark.parametrize(
    ("asked", "away"),
    [
        ({"date_from": START + timedelta(days=24)}, 26 - 2),
        ({"date_from": START + timedelta(days=24), "after_id": 0}, 26 - 2),
        ({"date_from": START + timedelta(days=24), "after_id": 5}, 28 - 5 - 2),
        ({"date_to": f"{START + timedelta(days=36)}", "sort": "-id_key"}, 60 - 34),
        ({"date_to": f"{START + timedelta(days=36)}", "sort": "-id_key", "after_id": 2**63 - 1}, 60 - 34),
    ],
)
def test_range_scan_starts_only_if_the_range_is_near(
    shop: Connection, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], away: int
) -> None:
    """Use dates in key order: the cutoff gives the distance of the page's end, although the glance has no match."""
    query = OrderFilters.model_validate(asked | {"limit": 3})
    for budget, strategy in ((away, "index"), (away + 1, "scan_budget")):
        with monkeypatch.context() as patch:
            set_bounds(patch, budget, sample=5, glance=3)
            parts = executed_rows(shop, OrderRepository, query)
        assert {"index", "scan_budget"} & parts.keys() == {strategy}


def test_range_is_read_up_to_its_cutoff(shop: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Find 47 matches; the first 20 by price give a cutoff with three of them before it."""
    query = ProductFilters(min_price=Decimal(12), limit=3)
    set_bounds(monkeypatch, 0, sample=2)
    assert executed_rows(shop, ProductRepository, query)["matches"] == 47
    set_bounds(monkeypatch, 0, sample=20)
    assert executed_rows(shop, ProductRepository, query)["matches"] < 10
    backwards = query.model_copy(update={"sort": "-id_key"})
    assert executed_rows(shop, ProductRepository, backwards)["matches"] < 10


def test_next_page_of_a_range_is_no_scan_between_two_keys(shop: Connection) -> None:
    """Prevent it: a generic plan expects few rows between two keys, and would scan from `after_id` to the cutoff."""
    shop.exec_driver_sql(
        f"{MORE_ORDERS} SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan"
    )
    query = OrderFilters(date_from=datetime(2027, 1, 1, tzinfo=UTC), after_id=1000, limit=10)
    statement = OrderRepository.page(query, ("id_key", "status"))
    names = [name for name in statement.parameters if f"%({name})s" in statement.sql]
    sql = statement.sql % {name: f"${number}" for number, name in enumerate(names, start=1)}
    shop.exec_driver_sql(f"PREPARE page AS {sql}")
    execute = f"EXECUTE page ({', '.join(f'%({name})s' for name in names)})"
    assert [row.id_key for row in shop.exec_driver_sql(execute, statement.parameters)] == [*range(3501, 3511)]
    conditions = [
        node.get("Index Cond", "") for node in nodes(executed_plan(shop, Statement(execute, statement.parameters)))
    ]
    assert not any("id_key > $" in text and "id_key <= " in text for text in conditions)


@pytest.mark.parametrize("given", [{}, {"date_from": START, "date_to": f"{START + timedelta(days=9000)}"}])
@pytest.mark.parametrize(("sort", "after_id"), [("id_key", 3900), ("-id_key", 1100)])
def test_deep_page_of_a_status_starts_at_its_place_in_the_index(
    shop: Connection, given: dict[str, Any], sort: str, after_id: int
) -> None:
    """Read no rows between the end of the index and the page."""
    shop.exec_driver_sql(f"{MORE_ORDERS} SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
    query = OrderFilters.model_validate(given | {"status": 1, "sort": sort, "after_id": after_id, "limit": 10})
    plan = executed_plan(shop, OrderRepository.page(query, ("id_key",)))
    scans = [node for node in nodes(plan) if node.get("Index Name") == "ix_orders_status_id_key"]
    assert scans
    assert all("ROW(status, id_key)" in scan["Index Cond"] and "Filter" not in scan for scan in scans)


def test_scan_budget_grows_with_the_page_up_to_a_maximum() -> None:
    bounds = [scan_parameters(end) for end in (1, 10, 100, 1000, 2**63)]
    budgets = [of["scan_budget"] for of in bounds]
    assert budgets == sorted(budgets)
    assert 0 < budgets[0] < budgets[2] < budgets[-1] == MAX_SCAN_ROWS
    assert all(of["last"] < of["sample"] <= MAX_SCAN_ROWS for of in bounds[:-1])


def test_only_pages_with_one_good_plan_are_prepared() -> None:
    prepared: list[tuple[type[BaseRepository[Any]], ListQuery]] = [
        (ProductRepository, ProductFilters(limit=10)),
        (ProductRepository, ProductFilters(min_price=Decimal(1), max_price=Decimal(5), limit=7, skip=3)),
        (OrderRepository, OrderFilters(date_from=START, after_id=5, limit=100)),
        (OrderRepository, OrderFilters(date_from=START, status=1, limit=7)),
        (OrderRepository, OrderFilters(status=3, sort="-date", limit=10)),
        (ProductRepository, ProductFilters(in_stock=True, after_id=5, limit=20)),
        (ProductRepository, ProductFilters(q="chair", sort="-id_key")),
        (ProductRepository, ProductFilters(category_id=1)),
        (ClientRepository, ClientFilters(q="Doe")),
        (ClientRepository, ClientFilters(email="jo@example.com")),
    ]
    planned: list[tuple[type[BaseRepository[Any]], ListQuery]] = [
        (ProductRepository, ProductFilters(limit=7)),
        (OrderRepository, OrderFilters(status=3, limit=7)),
        (OrderRepository, OrderFilters(date_from=START, delivery_method=1, limit=10)),
        (OrderRepository, OrderFilters(status=3, client_id=1, limit=10)),
        (ProductRepository, ProductFilters(category_id=1, limit=7)),
        (ProductRepository, ProductFilters(category_id=1, sort="name")),
        (ProductRepository, ProductFilters(category_id=1, min_price=Decimal(1))),
        (ProductRepository, ProductFilters(in_stock=True, min_price=Decimal(1))),
        (ProductRepository, ProductFilters(q="ch")),
        (ProductRepository, ProductFilters(q="chair", sort="-price")),
        (ProductRepository, ProductFilters(q="chair", min_price=Decimal(1))),
        (ProductRepository, ProductFilters(q="chair", category_id=1)),
        (ProductRepository, ProductFilters(q="chair", category_id=1, sort="price")),
    ]
    for is_prepared, asked in ((True, prepared), (False, planned)):
        for repository, query in asked:
            assert (
                repository.page(query, tuple(repository.model.__table__.columns.keys())).is_prepared == is_prepared
            ), query


def test_only_pages_in_the_order_of_one_index_are_short() -> None:
    """Keep all others off the shared connection, where a slow page would delay the others."""
    short: list[tuple[type[BaseRepository[Any]], ListQuery]] = [
        (ProductRepository, ProductFilters(after_id=5)),
        (ProductRepository, ProductFilters(category_id=1, sort="-price")),
        (ProductRepository, ProductFilters(category_id=1, after_id=5)),
        (AddressRepository, AddressFilters(city="Springfield")),
        (OrderRepository, OrderFilters(status=3, sort="-date")),
        (ClientRepository, ClientFilters(email="jo@example.com")),
    ]
    long: list[tuple[type[BaseRepository[Any]], ListQuery]] = [
        (ProductRepository, ProductFilters(category_id=1, skip=1)),
        (ProductRepository, ProductFilters(category_id=1, archived=True)),
        (ProductRepository, ProductFilters(category_id=1, sort="name")),
        (ProductRepository, ProductFilters(in_stock=False)),
        (ProductRepository, ProductFilters(min_price=Decimal(1))),
        (ProductRepository, ProductFilters(q="chair")),
        (OrderRepository, OrderFilters(status=3, client_id=1)),
    ]
    for is_short, asked in ((True, short), (False, long)):
        for repository, query in asked:
            assert isinstance(repository.page(query, ("id_key",)).sql, ShortSql) == is_short, query
    own = OrderRepository.page(OrderFilters(status=3), ("id_key",), client_id=1)
    assert not isinstance(own.sql, ShortSql)


def test_only_ranges_and_texts_in_key_order_have_strategies() -> None:
    searched: list[tuple[type[BaseRepository[Any]], ListQuery]] = [
        (ProductRepository, ProductFilters(min_price=Decimal(1))),
        (ProductRepository, ProductFilters(q="chair", in_stock=True)),
        (OrderRepository, OrderFilters(date_from=START, status=1, delivery_method=1)),
        (OrderRepository, OrderFilters(date_from=START, client_id=1, sort="-id_key")),
        (ClientRepository, ClientFilters(q="Doe")),
    ]
    plain: list[tuple[type[BaseRepository[Any]], ListQuery]] = [
        (ProductRepository, ProductFilters()),
        (ProductRepository, ProductFilters(category_id=1, in_stock=True, after_id=5)),
        (ProductRepository, ProductFilters(category_id=1, min_price=Decimal(1))),
        (ProductRepository, ProductFilters(in_stock=True, min_price=Decimal(1))),
        (ProductRepository, ProductFilters(q="chair", category_id=1)),
        (ProductRepository, ProductFilters(q="ch")),
        (ProductRepository, ProductFilters(q="chair", sort="price")),
        (OrderRepository, OrderFilters(status=1, sort="-id_key")),
    ]
    for is_searched, asked in ((True, searched), (False, plain)):
        for repository, query in asked:
            fields = tuple(repository.model.__table__.columns.keys())
            assert ("AS page" in repository.page(query, fields).sql) == is_searched, query
    own = OrderRepository.page(OrderFilters(date_from=START), ("id_key",), client_id=1)
    assert "AS page" not in own.sql, "a client's own rows are few"


def test_scan_uses_no_filter_without_an_index() -> None:
    """Skip them: a filter without an index would read the whole table to find its rows."""
    query = AuditFilters(method="PUT", path="/x", date_from=START)
    sql = AuditEntryRepository.page(query, ("id_key",)).sql
    scanned = sql.split("is_match")[1].split("ORDER BY")[0]
    assert ("audit.path" in scanned, "audit.method" in scanned) == (True, False)
