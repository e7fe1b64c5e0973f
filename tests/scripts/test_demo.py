"""Demo data: added to a running service, atomic, added once, and reproducible by its seed."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.pool import NullPool

from config.settings import Settings
from models import AddressModel
from scripts.demo.fill import EVENTS
from scripts.demo.rows import BILL_NUMBER, Keys, Table, tables
from scripts.demo.shop import Shop
from tests.servers import ROOT, App, running_app

NOW = datetime(2026, 10, 31, 12, tzinfo=UTC)
BILL = {"bill_number": BILL_NUMBER.format(7), "total": 1, "payment_type": "cash"}
RESOURCES = ("categories", "clients", "addresses", "products", "bills", "orders", "order_details", "reviews")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Run a service with an empty shop and its own servers."""
    with running_app(tmp_path_factory.mktemp("app"), {"UVICORN_WORKERS": "1"}) as app:
        yield app


@pytest.fixture(scope="module")
def shop(service: App) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=service.url, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def filled(service: App, shop: httpx2.Client) -> httpx2.Client:
    """Add the demo data while the cache holds the empty shop and one of its categories exists."""
    shop.post("/categories", json={"name": "Everyday Audio"}).raise_for_status()
    assert [shop.get("/products").headers["X-Cache-Hit"] for _ in range(2)] == ["false", "true"]
    done = run(service, "scripts.demo")
    assert done.returncode == 0, done.stderr
    added = re.fullmatch(r"([\d,]+) rows added\.\n", done.stdout)
    assert added
    lists = "/payments?limit=1000", "/webhook_endpoints/1/deliveries", "/shipments?limit=1000", "/returns"
    extras = [one for path in lists for one in shop.get(path).json()]
    rows = sum(table.size for table in contents()) + len(extras) + 1
    assert int(added[1].replace(",", "")) == rows
    return shop


def run(app: App, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script beside the service, in its folder and with its settings."""
    names = {name.upper() for name in Settings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name not in names}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=app.log.parent,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def contents(seed: int = 1) -> list[Table]:
    return tables(Shop(1000, seed, NOW), Keys(range(20), 1, 1, 1, 1, 1))


def rows(seed: int) -> list[list[tuple[object, ...]]]:
    return [list(table.rows) for table in contents(seed)]


def totals(shop: httpx2.Client) -> dict[str, int]:
    answers = {name: shop.get(f"/{name}", params={"count": "true", "limit": 1}) for name in RESOURCES}
    return {name: int(answer.headers["X-Total-Count"]) for name, answer in answers.items()}


def test_same_seed_gives_the_same_shop() -> None:
    first = rows(1)
    assert rows(1) == first
    assert rows(2) != first


def test_sizes_are_those_of_the_rows() -> None:
    assert all(len(list(table.rows)) == table.size for table in contents())


def test_orders_end_shortly_before_now() -> None:
    """Count the orders of the last 30 days, which the dashboard shows. Nothing happens later than now."""
    dates = [order.date for order in Shop(1000, 1, NOW).orders]
    assert dates == sorted(dates)
    assert NOW - timedelta(days=366) < dates[0] < NOW - timedelta(days=300)
    assert sum(date > NOW - timedelta(days=30) for date in dates) > len(dates) / 5
    times = [value for table in contents() for row in table.rows for value in row if isinstance(value, datetime)]
    assert NOW - timedelta(days=2) < max(times) <= NOW


def test_failed_run_leaves_nothing(service: App, shop: httpx2.Client) -> None:
    """Take a bill number first. The script meets it after it has stored products."""
    bill = shop.post("/bills", json=BILL)
    done = run(service, "scripts.demo")
    assert done.returncode == 1
    assert "\nNothing was added: duplicate key" in done.stderr
    assert totals(shop) == dict.fromkeys(RESOURCES, 0) | {"bills": 1}
    assert shop.delete(bill.headers["Location"]).status_code == 204


def test_demo_data_is_seen_at_once(filled: httpx2.Client) -> None:
    assert len(filled.get("/products").json()) == 100
    assert len(filled.get("/categories").json()) == 21


def test_demo_data_passes_the_audit(service: App, filled: httpx2.Client) -> None:
    done = run(service, "scripts.audit")
    assert done.returncode == 0, done.stdout + done.stderr


def test_demo_data_has_events(filled: httpx2.Client) -> None:
    """Count one event for each row, with the body of the API."""
    for name, rows in totals(filled).items():
        counts = {}
        for change in ("created", "deleted"):
            kind = f"{EVENTS[name][0]}.{change}"
            counts[change] = filled.get(f"/events?type={kind}&count=true&limit=1&sort=-id_key")
        created, deleted = (int(answer.headers["X-Total-Count"]) for answer in counts.values())
        assert created - deleted == rows
        [event] = counts["created"].json()
        assert event["data"] == filled.get(event["resource"]).json()


def test_demo_data_refers_to_what_exists(service: App, filled: httpx2.Client) -> None:
    address = json.loads((service.log.parent / ".data/lock").read_text())
    engine = create_engine(Settings(**address).sqlalchemy_url(), poolclass=NullPool)
    with engine.connect() as connection:
        for table in AddressModel.metadata.sorted_tables:
            for key in table.foreign_keys:
                orphans = select(func.count()).where(key.parent.not_in(select(key.column)))
                assert connection.scalar(orphans) == 0, key


def test_newest_orders_are_of_these_days(filled: httpx2.Client) -> None:
    since = (datetime.now(UTC) - timedelta(days=30)).isoformat()
    answer = filled.get("/orders", params={"date_from": since, "count": "true", "limit": 1})
    assert int(answer.headers["X-Total-Count"]) > 20


def test_delivered_orders_are_paid_and_shipped(filled: httpx2.Client) -> None:
    """Compare times: the shipment belongs to the order's history."""
    newest = filled.get("/orders", params={"status": 3, "sort": "-id_key", "limit": 1}).json()[0]
    order = f"/orders/{newest['id_key']}"
    assert filled.get(f"{order}/balance").json()["due"] == 0
    [shipment] = filled.get(f"{order}/tracking").json()
    assert shipment["status"] == "delivered"
    changes = [change["changed_at"] for change in filled.get(f"{order}/history").json()]
    assert [event["occurred_at"] for event in shipment["events"]] == changes[1:]


def test_history_is_that_of_the_order(filled: httpx2.Client) -> None:
    order = filled.get("/orders", params={"status": 3, "limit": 1}).json()[0]
    history = filled.get(f"/orders/{order['id_key']}/history").json()
    assert [change["to_status"] for change in history] == [1, 2, 3]
    assert history[0]["changed_at"] == order["date"]


def test_second_run_adds_nothing(service: App, filled: httpx2.Client) -> None:
    before = totals(filled)
    done = run(service, "scripts.demo")
    assert (done.returncode, done.stdout) == (0, "The demo data is already there: nothing was added.\n")
    done = run(service, "scripts.shop", "demo", "--json")
    assert (done.returncode, done.stdout) == (0, '{"added":0}\n')
    assert totals(filled) == before


def test_shop_goes_on_after_the_demo_data(filled: httpx2.Client) -> None:
    client, category, bill = (
        filled.get(f"/{name}").json()[-1]["id_key"] for name in ("clients", "categories", "bills")
    )
    product = {"name": "Lamp", "price": 10, "stock": 5, "category_id": category}
    made = filled.post("/products", json=product)
    assert made.status_code == 201
    items = [{"product_id": made.json()["id_key"], "quantity": 5}]
    order = {"client_id": client, "delivery_method": 1, "payment_type": "cash", "items": items}
    assert filled.post("/orders/checkout", json=order).status_code == 201
    review = {"product_id": made.json()["id_key"], "rating": 5}
    assert filled.post("/reviews", json=review).status_code == 201
    address = {"street": "Main Street", "city": "Springfield", "client_id": client}
    assert filled.post("/addresses", json=address).status_code == 201
    assert filled.put(f"/bills/{bill}", json=filled.get(f"/bills/{bill}").json()).status_code == 200
    assert filled.put(f"/clients/{client}", json=filled.get(f"/clients/{client}").json()).status_code == 200
