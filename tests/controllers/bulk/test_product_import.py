"""Imports of products: all lines or none, from files of any spelling, without undoing sales."""

import csv
import io
import json
import socket
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.postgres.database import Database
from repositories.checks.consistency_check import disagreements
from services.bulk import import_check, staged_lines
from tests.controllers.bulk.test_exports import HOSTILE
from tests.credentials import key_headers
from tests.event_log import events, replay, shown
from tests.factories import Factory, Object
from tests.servers import served_in_thread, until

CSV, NDJSON = {"Content-Type": "text/csv"}, {"Content-Type": "application/x-ndjson"}


def send(client: TestClient, content: str | bytes, query: str = "", headers: Any = CSV) -> Any:
    content = content.encode() if isinstance(content, str) else content
    return client.post(f"/products/import{query}", content=content, headers=headers)


def counts(created: int, updated: int, unchanged: int) -> Object:
    return {"created": created, "updated": updated, "unchanged": unchanged, "errors": []}


def imported(client: TestClient, content: str | bytes, query: str = "", headers: Any = CSV) -> Object:
    answer = send(client, content, query, headers)
    assert answer.status_code == 200, answer.text
    body: Object = answer.json()
    return body


def refused(client: TestClient, content: str | bytes, query: str = "", headers: Any = CSV) -> list[tuple[int, str]]:
    answer = send(client, content, query, headers)
    assert (answer.status_code, list(answer.json())) == (422, ["errors"]), answer.text
    return [(error["line"], error["detail"]) for error in answer.json()["errors"]]


def products(client: TestClient) -> list[Object]:
    listed: list[Object] = client.get("/products?limit=1000").json()
    return listed


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_check, "ROWS", 3)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("query", ["format=csv", "format=ndjson", "format=csv&include=timestamps"])
def test_an_export_imports_as_unchanged(client: TestClient, make: Factory, query: str) -> None:
    category = make.category()["id_key"]
    for number, name in enumerate(HOSTILE):
        make.product(name=name, category_id=category, sku=f"={number}" if number % 2 else None, stock=number)
    client.post(f"/products/{make.product(sku='archived')['id_key']}/archive")
    before, exported = events(client), client.get(f"/products/export?{query}")
    headers = {"Content-Type": exported.headers["Content-Type"]}
    for options in ("", "?set_stock=true", "?dry_run=true"):
        assert imported(client, exported.content, options, headers) == counts(0, 0, len(HOSTILE) + 1)
    assert events(client) == before


@pytest.mark.usefixtures("small_parts")
def test_lines_create_and_change_products(client: TestClient, make: Factory, app: FastAPI) -> None:
    kept, other = [make.product(sku=sku, stock=5) for sku in ("A", "B")]
    category = kept["category_id"]
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["id_key", "name", "price", "stock", "category_id", "sku", "archived"])
    writer.writerows(
        [
            [kept["id_key"], "'=Sum", "7.5", "9", category, "A2", ""],
            ["", "", "", "", "", "B", "TRUE"],
            ["", "New\nname", "1", "3", category, "C", "false"],
            ["", "Plain", "2.00", "", category, "", ""],
            ["", "", "", "", "", "", ""],
            ["", "Gone", "3", "1", category, "'-D", "true"],
        ]
    )
    before = products(client), events(client)
    assert imported(client, table.getvalue(), "?dry_run=true") == counts(3, 2, 0)
    assert (products(client), events(client)) == before
    assert imported(client, table.getvalue()) == counts(3, 2, 0)
    first, second = kept["id_key"], other["id_key"]
    new = [
        {"id_key": second + number, "name": name, "price": price, "stock": stock, "category_id": category}
        for number, (name, price, stock) in enumerate((("New\nname", 1, 3), ("Plain", 2, 0), ("Gone", 3, 1)), 1)
    ]
    assert products(client) == [
        {**kept, "name": "=Sum", "price": 7.5, "sku": "A2"},
        {**new[0], "sku": "C"},
        new[1],
    ]
    assert client.get("/products?archived=true").json() == [
        {**other, "archived": True},
        {**new[2], "sku": "-D", "archived": True},
    ]
    movements = client.get("/stock_movements").json()
    assert [(item["product_id"], item["quantity"], item["reason"]) for item in movements] == [
        (first, 5, "initial"),
        (second, 5, "initial"),
        (second + 1, 3, "initial"),
        (second + 3, 1, "initial"),
    ]
    assert imported(client, "sku,stock\nA2,9\nB,5\n", "?set_stock=true") == counts(0, 1, 1)
    movements = client.get(f"/products/{first}/stock_movements").json()
    assert [(item["quantity"], item["reason"]) for item in movements] == [(5, "initial"), (4, "corrected")]
    assert replay(events(client)) == shown(client)
    assert disagreements(app.state.app_context.database.connection) == []


def test_sales_since_the_export_stay(client: TestClient, make: Factory) -> None:
    product = make.product(stock=5)["id_key"]
    exported = client.get("/products/export").text.replace("Laptop", "Notebook")
    make.order_detail(product_id=product, quantity=2)
    assert imported(client, exported) == counts(0, 1, 0)
    read = client.get(f"/products/{product}").json()
    assert (read["name"], read["stock"]) == ("Notebook", 3)


def test_stock_above_the_bound_for_input_is_unchanged(client: TestClient, make: Factory) -> None:
    largest = 2**31 - 1
    product = make.product(stock=largest)["id_key"]
    detail = make.order_detail(product_id=product, quantity=9)["id_key"]
    client.patch(f"/products/{product}", json={"stock": largest})
    client.delete(f"/order_details/{detail}")
    exported = client.get("/products/export").content
    assert imported(client, exported, "?set_stock=true") == counts(0, 0, 1)
    larger = exported.replace(str(largest + 9).encode(), str(largest + 10).encode())
    assert imported(client, larger) == counts(0, 0, 1)
    too_large = f"stock: Input should be less than or equal to {largest}"
    assert refused(client, larger, "?set_stock=true") == [(2, too_large)]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_spellings_of_files(client: TestClient, make: Factory, newline: str, mark: bytes) -> None:
    product = make.product(sku="A")
    lines = ['sku , price,"name"', 'A, 4.50 ,"a ""b"",', 'Crème"', "", ",,"]
    for ending in ("", newline):
        content = mark + (newline.join(lines) + ending).encode()
        first = ending == ""
        assert imported(client, content) == counts(0, int(first), int(not first))
        assert products(client) == [product | {"price": 4.5, "name": f'a "b",{newline}Crème'}]
    rows = newline.join(['{"sku": "A", "price": 4.50, "stock": null}', "", ' {"sku": "A2", "id_key": 0}'])
    assert refused(client, mark + rows.encode(), headers=NDJSON) == [(3, "Product with id 0 not found")]


def test_format_is_that_of_the_parameter_or_of_the_type(client: TestClient, make: Factory) -> None:
    make.product(sku="A")
    table, rows = "sku\nA\n", '{"sku": "A"}\n'
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for content, query, headers in (
        (table, "", {}),
        (table, "", {"Content-Type": "Text/CSV; charset=utf-8"}),
        (table, "?format=csv", form),
        (table, "?format=csv", NDJSON),
        (rows, "?format=ndjson", form),
        (rows, "?format=ndjson", {}),
        (rows, "", {"Content-Type": "application/jsonl"}),
        (rows, "", {"Content-Type": "application/ndjson"}),
    ):
        assert imported(client, content, query, headers) == counts(0, 0, 1)
    for query, headers, loc in (
        ("", form, ["header", "Content-Type"]),
        ("", {"Content-Type": "application/json"}, ["header", "Content-Type"]),
        ("?format=xml", CSV, ["query", "format"]),
        ("?dry_run=maybe", CSV, ["query", "dry_run"]),
    ):
        answer = send(client, table, query, headers)
        assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, loc)


def wrong_tables(one: Object, other: Object) -> Iterable[tuple[str | bytes, list[tuple[int, str]]]]:
    """Return CSV files with their errors."""
    key, category = one["id_key"], one["category_id"]
    known = "Known are: id_key, name, price, stock, category_id, sku, archived"
    repeated = "The product or its SKU is in an earlier line"
    yield "", [(1, "The header is missing")]
    yield "\n\n", [(1, "The header is missing")]
    yield "id_key;price\n1;2\n", [(1, f"Unknown column: id_key;price. {known}")]
    yield "sku,price,sku\n", [(1, "The column sku occurs twice")]
    yield b"\xff\xfes\x00k\x00u\x00", [(1, f"Unknown column: ??s\x00k\x00u\x00. {known}")]
    yield f'id_key,name\n{key},"a\nb\n', [(2, "The line is not CSV: unexpected end of data")]
    yield f'id_key,name\n{key},"a"b\n', [(2, "The line is not CSV: ',' expected after '\"'")]
    yield f"id_key,price\n{key},1,2\n", [(2, "The line has 3 cells, the header 2")]
    yield f"id_key,price\n{key},9.999\n", [(2, "price: Input should have no more than 2 decimal places")]
    yield f"id_key,price,stock\n{key},1e3,true\n", [
        (2, "price: Input should be a number; stock: Input should be a valid integer")
    ]
    yield b"id_key,name\n%d,a\xffb\n" % key, [
        (2, "name: Input should be a valid string, unable to parse raw data as a unicode string")
    ]
    yield f"id_key,archived\n{key},yes\n", [(2, "archived: Input should be a valid boolean")]
    yield "id_key\n999999\n" + "9" * 30 + "\n-1\n", [
        *((line, f"Product with id {id_key} not found") for line, id_key in ((2, 999_999), (3, int("9" * 30)), (4, -1)))
    ]
    yield f"id_key,category_id\n{key},999999\n{other['id_key']},{2**70}\n", [
        (2, "Category with id 999999 not found"),
        (3, f"Category with id {2**70} not found"),
    ]
    yield "name\nx\n", [(2, "price: Field required")]
    yield f"name,category_id,price\nx,,1\n,{category},1\n", [
        (2, "category_id: Field required"),
        (3, "name: Field required"),
    ]
    yield f"id_key,sku\n{key},B\n", [(2, "SKU already exists")]
    yield f"id_key,sku,price\n{key},,1\n,A,2\n", [(3, repeated)]
    yield f"id_key,sku\n{key},N\n{other['id_key']},N\n", [(3, repeated)]
    yield f"sku,name,price,category_id\nN,x,1,{category}\nN,y,1,{category}\n", [(3, repeated)]
    yield "name\n" + "x" * 200_000, [(2, "The line has 131072 characters or more")]
    yield 'name\n"' + "\n" * 5000, [(2, "A quotation mark is not closed")]
    yield "name,price\n" + "x,0\n" * 200, [(line, "price: Input should be greater than 0") for line in range(2, 102)]


def test_wrong_tables_change_nothing(client: TestClient, make: Factory) -> None:
    one, other = make.product(sku="A"), make.product(sku="B")
    before = events(client)
    for content, errors in wrong_tables(one, other):
        assert refused(client, content) == errors
        assert refused(client, content, "?dry_run=true") == errors
    assert events(client) == before


def test_wrong_json_lines_change_nothing(client: TestClient, make: Factory) -> None:
    one = make.product(sku="A")
    before = events(client)
    cases: tuple[tuple[bytes, str], ...] = (
        (b"{", "The line is not JSON"),
        (b"5", "The line is not a JSON object"),
        (b"[" * 10_000, "The line is not JSON"),
        (b'{"price": NaN}', "The line is not JSON"),
        (b'{"sku": "A", "price": 1e400}', "price: Input should be less than or equal to 9999999999.99"),
        (b'{"sku": "A", "price": true}', "price: Input should be a number"),
        (b'{"sku": "A", "stock": "1"}', "stock: Input should be a valid integer"),
        (b'{"sku": "A", "color": 1}', "color: Extra inputs are not permitted"),
        (
            b'{"sku": "A", "\\ud800": 1}',
            "line: Input should be a valid string, unable to parse raw data as a unicode string",
        ),
        (b'{"sku": ["A"]}', "sku: Input should be a valid string"),
        (b'{"id_key": "1"}', "id_key: Input should be a valid integer"),
        (b'{"id_key": ' + b"1" * 5000 + b"}", "The line is not JSON"),
        (b'{"sku": "A", "name": "a\\u0000b"}', r"name: String should match pattern '^[^\x00]*$'"),
    )
    good = b'{"id_key": %d, "price": 2}\n' % one["id_key"]
    for line, detail in cases:
        assert refused(client, good + line, headers=NDJSON) == [(2, detail)], line
    assert events(client) == before


def test_a_late_error_leaves_nothing_behind(client: TestClient, make: Factory) -> None:
    category, lines = make.category()["id_key"], 9_000
    before = events(client)
    table = ["name,price,category_id", *[f"P{number},1,{category}" for number in range(lines)], "P,0,1", ""]
    assert refused(client, "\n".join(table)) == [(lines + 2, "price: Input should be greater than 0")]
    assert (products(client), events(client)) == ([], before)


def test_repeats_with_a_key_import_once(client: TestClient, make: Factory) -> None:
    table = f"name,price,category_id\nx,1,{make.category()['id_key']}\n"
    keyed = {**CSV, "Idempotency-Key": "k"}
    wrong = send(client, "name\nx\n", headers=keyed)
    answers = [send(client, table, headers=keyed) for _ in range(2)]
    assert wrong.status_code == 422
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, counts(1, 0, 0))] * 2
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true"]
    assert not any("ETag" in answer.headers for answer in answers)
    for content, query in ((f"{table}\n", ""), (table, "?dry_run=true"), (table, "?set_stock=true")):
        assert send(client, content, query, keyed).json()["detail"][0]["loc"] == ["header", "Idempotency-Key"]
    assert len(products(client)) == 1


def test_an_import_drops_the_cache(client: TestClient, make: Factory) -> None:
    product = make.product(sku="A")
    for path in ("/products", f"/products/{product['id_key']}"):
        client.get(path)
        assert client.get(path).headers["X-Cache-Hit"] == "true"
    imported(client, "sku,price\nA,5\n")
    assert client.get(f"/products/{product['id_key']}").json() == product | {"price": 5}
    assert products(client) == [product | {"price": 5}]


def test_admins_only(guarded: TestClient, guarded_app: FastAPI, make: Factory) -> None:
    make.product(sku="A")
    admin, client = key_headers(guarded_app), key_headers(guarded_app, make.customer()["id_key"])
    statuses = [send(guarded, "sku\nA\n", headers={**CSV, **headers}).status_code for headers in ({}, client, admin)]
    assert statuses == [401, 403, 200]
    imported(guarded, "sku\nA\n", "?dry_run=true", {**CSV, **admin})
    [entry] = guarded.get("/audit?path=/products/import", headers=admin).json()
    assert (entry["method"], entry["status"]) == ("POST", 200)


def test_a_full_disk_is_unavailable(
    client: TestClient, make: Factory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Bound the size of SQLite's file."""
    bounded = f"PRAGMA max_page_count = 9; {staged_lines._TABLES}"
    monkeypatch.setattr(staged_lines, "_TABLES", bounded)
    category = make.category()["id_key"]
    table = "name,price,category_id\n" + f"{'x' * 200},1,{category}\n" * 1000
    answer = send(client, table)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert products(client) == []


# A server with small bounds, on real connections.
@pytest.fixture(scope="module")
def served(settings: Settings) -> Any:
    from main import create_fastapi_app

    own = {"api_host": LOOPBACK, "api_port": free_port(), "max_import_bytes": 100_000, "timeout_request_body": 0.3}
    app = create_fastapi_app(settings.model_copy(update={**own, "db_pool_timeout": 0.3}))
    with served_in_thread(app) as port:
        yield port


def connected(port: int, head: str) -> socket.socket:
    client = socket.create_connection((LOOPBACK, port), timeout=30)
    client.sendall(f"POST /products/import HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
    return client


def test_a_file_above_the_limit_is_refused_before_it_is_sent(served: int) -> None:
    with closing(connected(served, "Content-Length: 1000000000")) as client:
        assert client.recv(12) == b"HTTP/1.1 413"
    with closing(connected(served, "Transfer-Encoding: chunked")) as client:
        client.sendall(b"18000\r\n" + b"x" * 0x18000 + b"\r\n" + b"18000\r\n")
        client.sendall(b"x" * 5000)
        assert client.recv(12) == b"HTTP/1.1 413"


def test_a_file_may_arrive_more_slowly_than_other_bodies(served: int, committing: Database) -> None:
    """Send other bodies, which start later, until one of them is late."""
    with closing(connected(served, "Content-Length: 6")) as slow:
        slow.sendall(b"sku")
        until(lambda: is_refused_as_busy(served))
        for _ in range(2):
            with closing(socket.create_connection((LOOPBACK, served), timeout=30)) as other:
                other.sendall(b"POST /products HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
                assert other.recv(1000) == b""
        slow.sendall(b"\nx\n")
        assert slow.recv(12) == b"HTTP/1.1 422"


def is_refused_as_busy(port: int) -> bool:
    """Return True if another import occupies the only slot."""
    with closing(connected(port, "Content-Length: 1")) as client:
        client.sendall(b"x")
        return client.recv(12) == b"HTTP/1.1 503"


def test_errors_of_all_kinds_fit_into_json(client: TestClient) -> None:
    hostile = json.dumps({f"{'k' * 1000}{number}": number for number in range(100)})
    [(line, detail)] = refused(client, hostile, headers=NDJSON)
    assert (line, detail.count("Extra inputs are not permitted")) == (1, import_check.MAX_PROBLEMS)
