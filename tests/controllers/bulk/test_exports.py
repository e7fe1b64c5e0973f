"""Exports: complete, filtered, from one snapshot, and harmless for spreadsheets and for the service."""

import csv
import io
import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.postgres.database import Database
from services.bulk import export_service
from tests.database import empty_tables
from tests.entities import Entity, every_entity
from tests.factories import Factory, Object
from tests.servers import served_in_thread, until

CELLS: dict[type, Any] = {int: int, float: float, type(None): lambda cell: cell or None}


def objects(answer: Any) -> list[Object]:
    """Return the objects of an export in NDJSON."""
    return [json.loads(line) for line in answer.text.splitlines()]


def cells_of(answer: Any) -> list[dict[str, str]]:
    """Return the lines of an export in CSV."""
    return list(csv.DictReader(io.StringIO(answer.text, newline=""), strict=True))


UNSET = {"products": ("sku", "archived")}
"""Columns that bodies contain only if they are set."""


def without_apostrophe(cell: str) -> str:
    return re.sub(r"^'(?='*[=+@-])", "", cell)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_service, "ROWS", {"csv": 2, "ndjson": 2})


@every_entity
@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("count", [0, 3, 4])
def test_export_contains_the_list(client: TestClient, make: Factory, entity: Entity, count: int) -> None:
    entity.make_many(make, count)
    listed = client.get(entity.path).json()
    path, name = f"{entity.path}/export", entity.path[1:]
    lines, table = client.get(path, params={"format": "ndjson"}), client.get(path)
    assert objects(lines) == listed
    assert lines.content.splitlines() == [client.get(f"{entity.path}/{one['id_key']}").content for one in listed]
    rows = cells_of(table)
    columns = ["id_key", *entity.fields]
    columns += [column for column in UNSET.get(name, ()) if column not in columns]
    assert table.text.splitlines()[0] == ",".join(columns)
    assert [
        {field: CELLS.get(type(one[field]), without_apostrophe)(row[field]) for field in one}
        for one, row in zip(listed, rows, strict=True)
    ] == listed
    for answer, kind, ending in ((table, "text/csv; charset=utf-8", "csv"), (lines, "application/x-ndjson", "ndjson")):
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}.{ending}"'
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert "ETag" not in answer.headers
        head = client.head(path, params={"format": ending})
        assert (head.status_code, head.content, head.headers["Content-Type"]) == (200, b"", kind)


def test_export_accepts_the_filters_of_the_list(client: TestClient, make: Factory) -> None:
    category = make.category()["id_key"]
    for name, price in (("Red chair", 3), ("Blue chair", 1), ("Blue table", 2)):
        make.product(name=name, price=price, category_id=category)
    make.product(name="blue chair")
    queries: tuple[dict[str, Any], ...] = (
        {"category_id": category, "q": "blue"},
        {"q": "CHAIR blue", "sort": "-price"},
        {"max_price": 2.5, "sort": "name"},
        {"in_stock": "false"},
    )
    for filters in queries:
        listed = client.get("/products", params=filters).json()
        for form, read in (("csv", cells_of), ("ndjson", objects)):
            found = read(client.get("/products/export", params={"format": form, **filters}))
            assert [int(one["id_key"]) for one in found] == [one["id_key"] for one in listed], filters


@pytest.mark.parametrize("query", ["format=xml", "format=", "min_price=x", "sort=color", "limit=10", "skip=0", "q=%20"])
def test_invalid_export_is_refused(client: TestClient, query: str) -> None:
    answer = client.get(f"/products/export?{query}")
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["query", query.partition("=")[0]])


def test_export_contains_archived_products(client: TestClient, make: Factory) -> None:
    live, archived = make.product(), make.product(sku="A-1")
    client.post(f"/products/{archived['id_key']}/archive")
    archived["archived"] = True
    for query, wanted in (("", [live, archived]), ("&archived=true", [archived]), ("&archived=false", [live])):
        assert objects(client.get(f"/products/export?format=ndjson{query}")) == wanted
    assert [(row["sku"], row["archived"]) for row in cells_of(client.get("/products/export"))] == [
        ("", "false"),
        ("A-1", "true"),
    ]


def test_export_includes_timestamps(client: TestClient, make: Factory) -> None:
    make.product()
    [listed] = client.get("/products?include=timestamps").json()
    [row] = cells_of(client.get("/products/export?include=timestamps"))
    assert (row["created_at"], row["updated_at"]) == (listed["created_at"], listed["updated_at"])


HOSTILE = {
    "=1+1": "'=1+1",
    "+1": "'+1",
    "-1": "'-1",
    "@SUM(A1)": "'@SUM(A1)",
    "'=1": "''=1",
    "''@x": "'''@x",
    "'quoted'": "'quoted'",
    "a=b": "a=b",
    'a "b", c': 'a "b", c',
    '=HYPERLINK("http://x","y")': '\'=HYPERLINK("http://x","y")',
    "two\r\nlines": "two\r\nlines",
    "Crème 寿司 💥": "Crème 寿司 💥",
}


def test_csv_contains_no_formula(client: TestClient, make: Factory) -> None:
    category = make.category()["id_key"]
    for name in HOSTILE:
        make.product(name=name, category_id=category)
    make.customer(telephone="+4912345678")
    assert [row["name"] for row in cells_of(client.get("/products/export"))] == list(HOSTILE.values())
    lines = client.get("/products/export", params={"format": "ndjson"})
    assert [one["name"] for one in objects(lines)] == list(HOSTILE)
    assert cells_of(client.get("/clients/export"))[-1]["telephone"] == "'+4912345678"


# Clients that are slow or leave, on real connections. The rows are more than all buffers hold.
MANY_ROWS = """
    WITH one AS (INSERT INTO categories (name) VALUES (:name) RETURNING id_key)
    INSERT INTO products (name, price, category_id)
        SELECT repeat('x', 200), 1, id_key FROM one, generate_series(1, 5000)
"""
ROWS = 60_000


@pytest.fixture(scope="module")
def served_app(settings: Settings) -> FastAPI:
    from main import create_fastapi_app

    own = {"api_host": LOOPBACK, "api_port": free_port(), "export_timeout": 3, "db_pool_timeout": 0.2}
    return create_fastapi_app(settings.model_copy(update=own))


@pytest.fixture(scope="module")
def port(served_app: FastAPI, committing: Database) -> Iterator[int]:
    with served_in_thread(served_app) as port:
        with committing.engine.begin() as connection:
            for number in range(ROWS // 5000):  # on a busy machine, one statement would take too long
                connection.execute(text(MANY_ROWS), {"name": f"c{number}"})
        yield port
    empty_tables(committing)


def slow_export(port: int) -> socket.socket:
    """Ask for an export and read its head only."""
    client = socket.socket()
    client.settimeout(30)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect((LOOPBACK, port))
    client.sendall(b"GET /products/export HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.recv(15) == b"HTTP/1.1 200 OK"
    return client


def exports_in_progress(app: FastAPI) -> int:
    in_use: int = app.state.app_context.database.export_slot.usage()[0]
    return in_use


def status_of_another(port: int) -> bytes:
    with closing(socket.create_connection((LOOPBACK, port), timeout=30)) as client:
        client.sendall(b"GET /products/export?max_price=0 HTTP/1.1\r\nHost: x\r\n\r\n")
        return client.recv(12)


def test_client_that_leaves_ends_its_export(served_app: FastAPI, port: int) -> None:
    with closing(slow_export(port)):
        assert exports_in_progress(served_app) == 1
        assert status_of_another(port) == b"HTTP/1.1 503"
    until(lambda: not exports_in_progress(served_app))
    assert status_of_another(port) == b"HTTP/1.1 200"


def test_slow_client_gets_an_incomplete_response(
    served_app: FastAPI, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(slow_export(port)) as client:
        until(lambda: "is cut: the client has not read it in 3 seconds" in caplog.text)
        until(lambda: not exports_in_progress(served_app))
        received = client.makefile("rb").read()
    assert not received.endswith(b"\r\n0\r\n\r\n")
    assert received.count(b"xxx,1.00,0,") < ROWS
    assert status_of_another(port) == b"HTTP/1.1 200"


def test_export_is_one_snapshot(port: int, committing: Database) -> None:
    with closing(slow_export(port)) as client:
        with committing.engine.begin() as connection:
            connection.execute(text("UPDATE products SET price = 2 WHERE id_key % 100 = 0"))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        received = bytearray()
        while not received.endswith(b"\r\n0\r\n\r\n"):
            received += client.recv(1 << 20)
    assert received.count(b"xxx,1.00,0,") == ROWS
