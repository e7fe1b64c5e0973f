"""The endpoints of `examples/`, served by two workers with authentication: limited, measured, audited, never stale."""

import itertools
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import insert

from infrastructure.embedded.ports import free_port
from infrastructure.postgres.database import Database
from models.system.api_key import ApiKeyModel
from repositories.checks.consistency_check import disagreements
from services.auth.api_keys import NewKey
from services.auth.principal import Role
from tests.conftest import POSTGRES, VALKEY
from tests.database import empty_tables
from tests.infrastructure.observability.test_metrics import samples
from tests.servers import ROOT, App, address, environment_without_settings, running_app, until

WRITERS, READERS, DELIVERIES = 8, 8, 25
SERVERS = {"PYTHONPATH": str(ROOT), "AUTH_MODE": "api_key"}


def environment() -> dict[str, str]:
    return SERVERS | address(POSTGRES) | address(VALKEY)


@pytest.fixture(scope="module")
def shop(committing: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    limits = {"RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_CALLS": "1000000"}
    folder = tmp_path_factory.mktemp("example")
    with running_app(folder, environment() | limits, ROOT / "tests/scenarios/example_shop.py") as app:
        until(lambda: httpx2.get(f"{app.url}/health_check", timeout=5).json()["status"] == "healthy")
        yield app
    empty_tables(committing)


def client(shop: App, database: Database, role: Role | None = Role.ADMIN) -> httpx2.Client:
    if role is None:
        return httpx2.Client(base_url=shop.url, timeout=30)
    made = NewKey.make()
    with database.sessions.begin() as session:
        session.execute(insert(ApiKeyModel).values(role=role, **made.columns()))
    return httpx2.Client(base_url=shop.url, timeout=30, headers={"X-API-Key": made.key})


def new_product(admin: httpx2.Client, name: str) -> int:
    category = admin.post("/categories", json={"name": name}).json()["id_key"]
    body = {"name": name, "price": 2.5, "stock": 1, "category_id": category}
    return int(admin.post("/products", json=body).raise_for_status().json()["id_key"])


def test_example_is_closed_described_limited_measured_and_audited(shop: App, committing: Database) -> None:
    with client(shop, committing) as admin, client(shop, committing, None) as nobody:
        product = new_product(admin, "Audited")
        path = f"/stock_report/{product}/deliveries"
        assert nobody.post(path, json={"quantity": 1}).status_code == 401
        assert nobody.get("/stock_report").status_code == 401
        assert nobody.get("/stock_report", headers={"X-API-Key": "wrong"}).status_code == 401
        assert admin.delete("/stock_report").status_code == 405
        received = admin.post(path, json={"quantity": 3})
        assert (received.status_code, received.json()["stock"], received.json()["price"]) == (201, 4, 2.5)
        [row] = [
            row for row in admin.get("/stock_report/").json() if row["category_id"] == received.json()["category_id"]
        ]
        assert (row["units"], row["value"]) == (4, 10.0)
        missing = admin.post("/stock_report/999999999999999999999/deliveries", json={"quantity": 1})
        assert (missing.status_code, list(missing.json())) == (404, ["message"])
        assert admin.post(path, json={"quantity": 0}).status_code == 422
        assert int(received.headers["X-RateLimit-Remaining"]) > 0
        entries = [entry for entry in admin.get("/audit?limit=1000").json() if entry["path"] == path]
        assert [(one["method"], one["status"], one["request_id"]) for one in entries] == [
            ("POST", 201, received.headers["X-Request-ID"])
        ]
        template = "http_requests_total POST /stock_report/{id_key}/deliveries"
        until(lambda: samples(admin.get("/metrics").content).get(f"{template} 201") == 1)
        operation = admin.get("/openapi.json").json()["paths"]["/stock_report/{id_key}/deliveries"]["post"]
        assert operation["security"] == [{"ApiKey": []}]


def test_reads_are_never_older_than_an_answered_delivery(shop: App, committing: Database) -> None:
    """Deliver in 8 threads, and read the object and its list in 8 threads, through both workers."""
    with client(shop, committing) as admin:
        product = new_product(admin, "Contended")
        lock, answered, stop, seen = threading.Lock(), [1], threading.Event(), Counter[str]()

        def write(_: int) -> None:
            for _ in range(DELIVERIES):
                stock = admin.post(f"/stock_report/{product}/deliveries", json={"quantity": 1}).raise_for_status()
                with lock:
                    answered[0] = max(answered[0], stock.json()["stock"])

        def read(_: int) -> list[tuple[int, int]]:
            stale = []
            for path in itertools.cycle([f"/products/{product}", f"/products?after_id={product - 1}", "/products"]):
                before = answered[0]
                answer = admin.get(path).raise_for_status()
                seen[answer.headers["X-Cache-Hit"]] += 1
                body: Any = answer.json()
                stock = (
                    next(one["stock"] for one in body if one["id_key"] == product)
                    if path.count("/") == 1
                    else body["stock"]
                )
                stale += [(before, stock)] * (stock < before)
                if stop.is_set():
                    return stale
            raise AssertionError

        with ThreadPoolExecutor(WRITERS + READERS) as threads:
            reads = [threads.submit(read, number) for number in range(READERS)]
            try:
                list(threads.map(write, range(WRITERS)))
                until(lambda: seen["true"] > 100)
            finally:
                stop.set()
            assert [read.result() for read in reads] == [[]] * READERS
        assert admin.get(f"/products/{product}").json()["stock"] == 1 + WRITERS * DELIVERIES
    with committing.engine.connect() as connection:
        assert disagreements(connection) == []


def test_endpoint_without_a_policy_stops_the_launcher(committing: Database, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, str(ROOT / "tests/scenarios/open_shop.py")],
        cwd=tmp_path,
        env=environment_without_settings() | environment() | {"API_PORT": str(free_port()), "UVICORN_WORKERS": "2"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 3
    lines = {line for line in (ended.stdout + ended.stderr).splitlines() if "/report" in line}
    assert lines
    assert all("GET /report has no policy" in line for line in lines)
    assert "Traceback" not in ended.stdout + ended.stderr
