"""Lists: filters, sorting, counts, paging, and the lists of a parent."""

import itertools
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from schemas.list_query import ListQuery
from tests.database import StatementCounter
from tests.entities import Entity, every_entity
from tests.factories import Factory, Object


class Reader:
    """Reader of one list that returns the labels of the listed objects in their order."""

    def __init__(self, client: TestClient, path: str, **labeled: Object) -> None:
        self.client, self.path = client, path
        self.labels = {made["id_key"]: label for label, made in labeled.items()}

    def __call__(self, **query: Any) -> str:
        answer = self.client.get(self.path, params=query)
        assert answer.status_code == 200, answer.text
        counted = self.client.get(self.path, params=query | {"count": "true", "limit": 1})
        assert "limit" in query or counted.headers["X-Total-Count"] == str(len(answer.json()))
        return "".join(self.labels[made["id_key"]] for made in answer.json())


def assert_invalid(client: TestClient, path: str, **query: Any) -> None:
    answer = client.get(path, params=query)
    assert (answer.status_code, answer.json()["detail"][0]["loc"][0]) == (422, "query"), (query, answer.text)


def test_product_filters(client: TestClient, make: Factory) -> None:
    tools, toys = make.category(), make.category()
    read = Reader(
        client,
        "/products",
        a=make.product(name="Hammer", price=20, stock=0, category_id=tools["id_key"], sku="H-1"),
        b=make.product(name="Ball 100%", price=5.5, stock=3, category_id=toys["id_key"]),
        c=make.product(name="hammer_drill", price=99.99, stock=7, category_id=tools["id_key"], sku="h-1"),
        d=make.product(name="ÄPFEL \\ Ball", price=5.5, stock=1, category_id=toys["id_key"]),
    )
    assert read() == "abcd"
    assert (read(category_id=tools["id_key"]), read(category_id=toys["id_key"]), read(category_id=99)) == (
        "ac",
        "bd",
        "",
    )
    assert (read(min_price=20), read(max_price=20), read(min_price=5.51, max_price=99.98)) == ("ac", "abd", "a")
    assert (read(min_price="99.99"), read(max_price="5.49"), read(min_price=0)) == ("c", "", "abcd")
    assert (read(in_stock="true"), read(in_stock="false")) == ("bcd", "a")
    assert (read(q="hammer"), read(q="HAMMER"), read(q=" mm "), read(q="äpfel"), read(q="ball")) == (
        *("ac", "ac", "ac", "d", "bd"),
    )
    assert (read(q="100%"), read(q="%"), read(q="_"), read(q="r_d"), read(q="\\"), read(q="100%_")) == (
        *("b", "b", "c", "c", "d", ""),
    )
    assert (read(sort="price"), read(sort="-price"), read(sort="stock"), read(sort="-id_key")) == (
        *("bdac", "cadb", "adbc", "dcba"),
    )
    assert (read(sku="H-1"), read(sku=" h-1 "), read(sku="H"), read(sku="h-1", min_price=100)) == ("a", "c", "", "")
    assert read(sort="-name") == read(sort="name")[::-1]
    assert read(q="a", in_stock="true", min_price=5, category_id=toys["id_key"], sort="-stock") == "bd"


def test_client_filters(client: TestClient, make: Factory) -> None:
    read = Reader(
        client,
        "/clients",
        a=make.customer(name="Ann", lastname="Smith", email="Ann@Example.com"),
        b=make.customer(name="Bob", lastname="Annan", email="bob@example.com"),
        c=make.customer(name="Cid", lastname="Brown", email="cid@example.com"),
    )
    assert (read(email="ann@example.COM"), read(email="ann"), read(email="a%@example.com")) == ("a", "", "")
    assert (read(q="ann"), read(q="Brown"), read(q="example"), read(q="B")) == ("ab", "c", "", "bc")
    assert (read(sort="lastname"), read(sort="-name"), read(q="ann", sort="-id_key")) == ("bca", "cba", "ba")


def test_address_filters(client: TestClient, make: Factory) -> None:
    first, second = make.customer(), make.customer()
    read = Reader(
        client,
        "/addresses",
        a=make.address(city="Rome", client_id=first["id_key"]),
        b=make.address(city="Oslo", client_id=first["id_key"]),
        c=make.address(city="Rome", client_id=second["id_key"]),
    )
    assert (read(city="Rome"), read(city=" Oslo "), read(city="Rom"), read(city="%")) == ("ac", "b", "", "")
    assert (read(client_id=first["id_key"]), read(client_id=first["id_key"], city="Rome"), read(client_id=0)) == (
        *("ab", "a", ""),
    )


def test_order_filters(client: TestClient, make: Factory) -> None:
    ann, bob, bill = make.customer()["id_key"], make.customer()["id_key"], make.bill()["id_key"]
    read = Reader(
        client,
        "/orders",
        a=make.order(client_id=ann, bill_id=bill, date="2026-01-31T23:59:59.999999Z", delivery_method=1),
        b=make.order(client_id=bob, date="2026-02-01T00:00:00Z", delivery_method=3, status=2),
        c=make.order(client_id=ann, bill_id=bill, date="2025-06-01T12:00:00Z", delivery_method=2, status=4),
    )
    assert (read(client_id=bob), read(bill_id=bill), read(client_id=bob, bill_id=bill), read(bill_id=0)) == (
        *("b", "ac", "", ""),
    )
    assert [read(status=status) for status in (1, 2, 3, 4)] == ["a", "b", "", "c"]
    assert [read(delivery_method=method) for method in (1, 2, 3)] == ["a", "c", "b"]
    assert (read(date_from="2026-02-01"), read(date_to="2026-01-31"), read(date_from="2026-01-31")) == ("b", "ac", "ab")
    assert (read(date_from="2026-02-01T00:00:01Z"), read(date_to="2026-01-31T23:59:59Z")) == ("", "c")
    assert read(date_from="2026-02-01T01:00:00+01:00", date_to="2026-02-01T00:00:00") == "b"
    assert read(date_from="2025-06-01", date_to="2025-06-01") == "c"
    assert (read(sort="date"), read(sort="-date")) == ("cab", "bac")


def test_order_detail_filters(client: TestClient, make: Factory) -> None:
    first, second, product = make.order()["id_key"], make.order()["id_key"], make.product()["id_key"]
    read = Reader(
        client,
        "/order_details",
        a=make.order_detail(order_id=first, product_id=product),
        b=make.order_detail(order_id=second, product_id=product),
        c=make.order_detail(order_id=first),
    )
    assert (read(order_id=first), read(product_id=product), read(order_id=first, product_id=product)) == (
        *("ac", "ab", "a"),
    )
    assert (read(order_id=2**63 - 1), read(product_id=0)) == ("", "")


def test_bill_filters(client: TestClient, make: Factory) -> None:
    read = Reader(
        client,
        "/bills",
        a=make.bill(payment_type="cash", date="2026-01-31"),
        b=make.bill(payment_type="card", date="2025-01-01"),
        c=make.bill(payment_type="cash", date="2026-02-01"),
    )
    assert (read(payment_type="cash"), read(payment_type="card")) == ("ac", "b")
    assert (read(date_from="2026-01-31"), read(date_to="2026-01-31")) == ("ac", "ab")
    assert read(date_from="2026-01-31", date_to="2026-01-31", payment_type="cash") == "a"
    assert (read(sort="date"), read(sort="-date")) == ("bac", "cab")


def test_review_filters(client: TestClient, make: Factory) -> None:
    product = make.product()["id_key"]
    read = Reader(
        client,
        "/reviews",
        a=make.review(rating=4.5, product_id=product),
        b=make.review(rating=0, product_id=product),
        c=make.review(rating=5),
    )
    assert (read(product_id=product), read(min_rating=4.5), read(max_rating=4.5), read(max_rating=0)) == (
        *("ab", "ac", "ab", "b"),
    )
    assert (read(min_rating=0.1, max_rating=4.9), read(min_rating=6)) == ("a", "")
    assert (read(sort="rating"), read(sort="-rating")) == ("bac", "cab")


def test_category_filters(client: TestClient, make: Factory) -> None:
    names = {"a": "Toys", "b": "old toys", "c": "Books"}
    read = Reader(client, "/categories", **{label: make.category(name=name) for label, name in names.items()})
    assert (read(q="TOYS"), read(q="ook"), read(q="x")) == ("ab", "c", "")
    assert read(sort="-name") == read(sort="name")[::-1]
    assert read(sort="-id_key") == "cba"


@every_entity
def test_list_sorts_only_by_offered_fields(client: TestClient, make: Factory, entity: Entity) -> None:
    made = entity.make_many(make, 3)
    for field in entity.sorts:
        for sign in ("", "-"):
            listed = client.get(entity.path, params={"sort": f"{sign}{field}"}).json()
            assert listed == sorted(made, key=lambda one: (one[field], one["id_key"]), reverse=bool(sign))
    for sort in ("", "created_at", "nonsense", "--id_key", "+id_key", "ID_KEY", "id_key,id_key", "id_key;drop table x"):
        assert_invalid(client, entity.path, sort=sort)


def test_base_query_sorts_only_by_id_key() -> None:
    assert ListQuery(sort="-id_key").sort == "-id_key"
    for sort in ("", "name", "created_at", "--id_key", "id_key\n"):
        with pytest.raises(ValidationError):
            ListQuery(sort=sort)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/products", {"sort": "price;drop table products"}),
        ("/products", {"min_price": "NaN"}),
        ("/products", {"min_price": "1.001"}),
        ("/products", {"max_price": "Infinity"}),
        ("/products", {"max_price": "-1"}),
        ("/products", {"max_price": "1e400"}),
        ("/products", {"category_id": "x"}),
        ("/products", {"category_id": "-1"}),
        ("/products", {"category_id": "1" * 40}),
        ("/products", {"in_stock": "perhaps"}),
        ("/products", {"q": "x" * 10_000}),
        ("/products", {"q": ""}),
        ("/products", {"q": "\x00"}),
        ("/products", {"count": "many"}),
        ("/orders", {"status": "5"}),
        ("/orders", {"status": "PENDING"}),
        ("/orders", {"delivery_method": "0"}),
        ("/orders", {"date_from": "yesterday"}),
        ("/orders", {"date_from": "1700000000"}),
        ("/orders", {"date_to": "2026-02-30"}),
        ("/bills", {"payment_type": "gold"}),
        ("/bills", {"date_from": "2026-13-01"}),
        ("/reviews", {"min_rating": "NaN"}),
        ("/reviews", {"max_rating": "-Infinity"}),
        ("/products", {"sku": "a b"}),
        ("/products", {"sku": "x" * 65}),
        ("/products", {"archived": "maybe"}),
        ("/products/low_stock", {"threshold": "-1"}),
        ("/products/low_stock", {"threshold": "few"}),
    ],
)
def test_invalid_filter_is_refused(client: TestClient, path: str, query: dict[str, str]) -> None:
    assert_invalid(client, path, **query)


@every_entity
def test_total_count_is_only_sent_on_request(client: TestClient, make: Factory, entity: Entity) -> None:
    entity.make_many(make, 3)
    queries: list[tuple[dict[str, Any], str | None]] = [
        ({}, None),
        ({"count": "false"}, None),
        ({"count": "true", "skip": 2, "limit": 1}, "3"),
    ]
    for query, count in queries:
        answer = client.get(entity.path, params=query)
        assert answer.headers.get("X-Total-Count") == count


def next_page(answer: Any) -> str | None:
    found = re.search(r'<([^>]*)>; rel="next"', answer.headers.get("Link", ""))
    return found and found.group(1)


ORDERS = pytest.mark.parametrize(("sort", "beyond_all"), [("id_key", 0), ("-id_key", 2**63 - 1)])


def read_pages(client: TestClient, path: str | None) -> list[Any]:
    """Return the pages from `path` on, as their links to the next one lead."""
    pages = []
    while path:
        answer = client.get(path)
        pages.append(answer.json())
        path = next_page(answer)
    return pages


@ORDERS
@every_entity
def test_next_links_lead_through_all_pages(
    client: TestClient, make: Factory, entity: Entity, sort: str, beyond_all: int
) -> None:
    made = entity.make_many(make, 5)[:: -1 if sort == "-id_key" else 1]
    assert "Link" not in client.get(entity.path, params={"limit": 2, "sort": sort}).headers
    first = f"{entity.path}?limit=2&sort={sort}&after_id={beyond_all}"
    assert read_pages(client, first) == [made[:2], made[2:4], made[4:]]
    client.delete(f"{entity.path}/{made[2]['id_key']}")
    after_deleted = client.get(entity.path, params={"limit": 2, "sort": sort, "after_id": made[2]["id_key"]})
    assert after_deleted.headers["Link"].startswith(f'<{first}>; rel="first"')
    assert after_deleted.json() == made[3:]
    empty = client.get(next_page(after_deleted) or "")
    assert (empty.json(), next_page(empty)) == ([], None)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/products", {"q": "lamp"}),
        ("/products", {"q": "lamp", "min_price": 5}),
        ("/products", {"min_price": 5}),
        ("/products", {"in_stock": "true"}),
        ("/clients", {"q": "lamp"}),
        ("/categories", {"q": "lamp"}),
        ("/orders", {"status": 1}),
        ("/orders", {"date_from": "2026-01-02", "date_to": "2026-12-31"}),
        ("/orders", {"status": 1, "delivery_method": 3, "date_from": "2026-01-02"}),
        ("/bills", {"payment_type": "card"}),
        ("/bills", {"date_from": "2026-01-02"}),
        ("/reviews", {"min_rating": 2}),
        ("/addresses", {"city": "Lamp"}),
    ],
)
@ORDERS
def test_next_links_lead_through_all_matches(
    client: TestClient, make: Factory, path: str, query: dict[str, Any], sort: str, beyond_all: int
) -> None:
    category, product, customer = make.category()["id_key"], make.product(name="x", stock=0, price=1)["id_key"], None
    for number in range(7):
        is_match = number != 2
        name = f"Lamp {number}" if is_match else "Chair"
        make.product(name=name, category_id=category, price=10 if is_match else 1, stock=int(is_match))
        make.category(name=name)
        customer = make.customer(name=name)["id_key"]
        bill = make.bill(payment_type="card" if is_match else "cash", date=f"2026-01-{10 if is_match else 1:02d}")
        order = {"client_id": customer, "bill_id": bill["id_key"], "status": 1 if is_match else 2}
        make.order(**order, date="2026-01-10" if is_match else "2026-01-01")
        make.review(product_id=product, rating=4 if is_match else 1)
        make.address(client_id=customer, city="Lamp" if is_match else "Chair")
    every = client.get(path, params={**query, "sort": sort, "limit": 1000}).json()
    assert len(every) == 6
    first = client.get(path, params={**query, "sort": sort, "limit": 2, "after_id": beyond_all})
    assert [first.json(), *read_pages(client, next_page(first))] == [every[:2], every[2:4], every[4:], []]


def test_next_link_keeps_filters_with_special_characters(client: TestClient, make: Factory) -> None:
    made = [make.category(name=name) for name in ("a&b=c %>;ñ 1", "other", "a&b=c %>;ñ 2")]
    first = client.get("/categories", params={"q": "&b=c %>;ñ", "after_id": 0, "limit": 1, "count": "true"})
    assert (first.json(), first.headers["X-Total-Count"]) == ([made[0]], "2")
    second = client.get(next_page(first) or "")
    assert (second.json(), second.headers["X-Total-Count"]) == ([made[2]], "2")


@every_entity
def test_invalid_after_id_is_refused(client: TestClient, entity: Entity) -> None:
    for after_id in ("-1", "x", "1.5", "", f"{2**63}", "1" * 40):
        assert_invalid(client, entity.path, after_id=after_id)
    for sort in entity.sorts[1:]:
        assert_invalid(client, entity.path, after_id=0, sort=sort)
        assert_invalid(client, entity.path, after_id=0, sort=f"-{sort}")


NESTED = {
    "/clients/{}/orders": ("customer", "order", "client_id", "Client"),
    "/clients/{}/addresses": ("customer", "address", "client_id", "Client"),
    "/categories/{}/products": ("category", "product", "category_id", "Category"),
    "/products/{}/reviews": ("product", "review", "product_id", "Product"),
    "/orders/{}/order_details": ("order", "order_detail", "order_id", "Order"),
}


@pytest.mark.parametrize("path", NESTED)
def test_parent_list(client: TestClient, make: Factory, statements: StatementCounter, path: str) -> None:
    parent, child, reference, _ = NESTED[path]
    own, other = getattr(make, parent)()["id_key"], getattr(make, parent)()["id_key"]
    made = [getattr(make, child)(**{reference: own}) for _ in range(3)]
    getattr(make, child)(**{reference: other})
    before = len(statements)
    listed = client.get(path.format(own), params={"count": "true"})
    assert len(statements) - before <= 3
    assert (listed.json(), listed.headers["X-Total-Count"]) == (made, "3")
    assert client.get(f"{path.format(own)}/").content == listed.content
    assert client.get(path.format(own), params={"skip": 1, "limit": 1}).json() == made[1:2]
    assert client.get(path.format(own), params={"sort": "-id_key"}).json() == made[::-1]
    assert client.get(path.format(own), params={reference: other}).json() == made
    known = {"If-None-Match": listed.headers["ETag"]}
    assert client.get(path.format(own), headers=known).status_code == 304

    for sort, beyond_all, ordered in (("id_key", 0, made), ("-id_key", 2**63 - 1, made[::-1])):
        first = f"{path.format(own)}?limit=2&sort={sort}&after_id={beyond_all}"
        assert read_pages(client, first) == [ordered[:2], ordered[2:]]


@pytest.mark.parametrize("path", NESTED)
def test_parent_list_of_a_childless_and_a_missing_parent(client: TestClient, make: Factory, path: str) -> None:
    """Read the list also with the ETag of an empty list."""
    parent, _, _, name = NESTED[path]
    empty = path.format(getattr(make, parent)()["id_key"])
    assert client.get(empty).json() == []
    for known in ({}, {"If-None-Match": client.get(empty).headers["ETag"]}, {"If-None-Match": "*"}):
        assert client.get(empty, headers=known).status_code == (304 if known else 200)
        for missing_id in (999_999, 0, -1, 2**63, 10**39):
            missing = client.get(path.format(missing_id), headers=known)
            assert (missing.status_code, missing.json()) == (404, {"message": f"{name} with id {missing_id} not found"})
    assert client.get(path.format("x")).status_code == 422


@pytest.mark.parametrize("path", ["/products/{}/rating", "/clients/{}/summary", "/orders/{}/history"])
def test_summary_of_a_missing_object_is_404(client: TestClient, path: str) -> None:
    for missing_id in (999_999, 0, 2**63, 10**39):
        assert (client.get(path.format(missing_id)).status_code, client.get(path.format("x")).status_code) == (404, 422)


def test_product_rating(client: TestClient, make: Factory) -> None:
    product = make.product()["id_key"]
    path = f"/products/{product}/rating"
    assert client.get(path).json() == {"product_id": product, "average_rating": None, "review_count": 0}
    for rating, average in ((5, 5), (4, 4.5), (0, 3)):
        make.review(rating=rating, product_id=product)
        assert client.get(path).json()["average_rating"] == average
    make.review(rating=1)
    summary = client.get(path)
    assert summary.json() == {"product_id": product, "average_rating": 3, "review_count": 3}
    assert client.get(path, headers={"If-None-Match": summary.headers["ETag"]}).status_code == 304


def test_low_stock_products(client: TestClient, make: Factory) -> None:
    stocks = {"a": 6, "b": 5, "c": 0, "d": 5, "e": 2}
    read = Reader(
        client, "/products/low_stock", **{label: make.product(stock=stock) for label, stock in stocks.items()}
    )
    assert (read(), read(threshold=2), read(threshold=0), read(threshold=6), read(threshold=2**31 - 1)) == (
        *("cebd", "ce", "c", "cebda", "cebda"),
    )
    assert (read(limit=2), read(skip=1, limit=2)) == ("ce", "eb")


def test_client_summary(client: TestClient, make: Factory) -> None:
    customer = make.customer()["id_key"]
    path = f"/clients/{customer}/summary"
    nothing = {"client_id": customer, "orders_count": 0, "total_spent": 0, "last_order_date": None}
    assert client.get(path).json() == nothing
    for total, date, status in ((0.1, "2026-01-01", 1), (0.2, "2026-03-01", 3), (7, "2026-05-01", 4)):
        make.order(client_id=customer, total=total, date=date, status=status)
    make.order(total=5)
    summary = client.get(path).json()
    assert summary == nothing | {"orders_count": 2, "total_spent": 0.3, "last_order_date": "2026-03-01T00:00:00Z"}
    for _ in range(2):
        make.order(client_id=customer, total=9999999999.99, date="2026-03-01")
    assert client.get(path).json()["total_spent"] == 20000000000.28


def test_later_page_takes_one_statement(client: TestClient, make: Factory, statements: StatementCounter) -> None:
    made = [make.category() for _ in range(4)]
    marks = []
    for query in ({"after_id": made[2]["id_key"]}, {"skip": 3}, {"q": "Cat"}, {"sort": "-name"}):
        marks.append(len(statements))
        client.get("/categories", params=query)
    marks.append(len(statements))
    assert {after - before for before, after in itertools.pairwise(marks)} == {1}
