"""Defaults of a database on which the service does not depend: time zone and client encoding, also behind a pooler."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from config.settings import Settings
from infrastructure.postgres import database
from main import create_fastapi_app
from migrations.runner import migrate
from tests.credentials import key_headers
from tests.factories import Factory
from tests.migrations.test_migrations import new_database

ZONES = "America/New_York", "Asia/Kolkata"
TIME = re.compile(r'"(\d{4}-\d\d-\d\dT[^"]*)"')


@pytest.fixture(scope="module", params=ZONES)
def app(request: pytest.FixtureRequest, settings: Settings) -> Iterator[FastAPI]:
    """Yield an application without start-up options, as behind PgBouncer, in a database with another time zone."""
    arguments = database.connection_arguments

    def without_options(settings: Settings) -> dict[str, Any]:
        return {name: value for name, value in arguments(settings).items() if name != "options"}

    with new_database(settings, "elsewhere") as (there, engine), pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "connection_arguments", without_options)
        with engine.begin() as connection:
            connection.execute(text(f"ALTER DATABASE elsewhere SET timezone = '{request.param}'"))
            connection.execute(text("ALTER DATABASE elsewhere SET client_encoding = 'LATIN1'"))
        migrate(there)
        yield create_fastapi_app(there.model_copy(update={"redis_enabled": False, "auth_mode": "api_key"}))


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        client.headers.update(key_headers(app))
        yield client


@pytest.fixture
def make(client: TestClient) -> Factory:
    return Factory(client)


def test_any_text_is_stored(client: TestClient, make: Factory) -> None:
    made = make.customer(name="日本", lastname="Žižek 😀")
    path = f"/clients/{made['id_key']}"
    assert client.get(path).json() == made
    assert client.patch(path, json={"name": "Ελλάδα"}).json() == made | {"name": "Ελλάδα"}


def times(text: str) -> list[str]:
    return TIME.findall(text)


def test_every_time_in_a_response_is_in_utc(client: TestClient, make: Factory, app: FastAPI) -> None:
    with app.state.app_context.database.engine.connect() as connection:
        assert connection.scalar(text("SHOW timezone")) in ZONES
    customer = make.customer()["id_key"]
    given = {"client_id": customer, "total": 1, "delivery_method": 1, "bill_id": make.bill()["id_key"]}
    key = {"Idempotency-Key": f"time {customer}"}
    created = [client.post("/orders", json=given | {"date": "2026-07-01T01:02:03.5-04:00"}, headers=key) for _ in "ab"]
    order = created[0].headers["Location"]
    item = {"product_id": make.product()["id_key"], "quantity": 1}
    placed = {"client_id": customer, "delivery_method": 1, "payment_type": "cash", "items": [item]}
    answers = [
        *created,
        client.get(order),
        client.get("/orders"),
        client.get("/orders", params={"client_id": customer, "sort": "-date"}),
        client.get(f"/clients/{customer}/orders"),
        client.patch(order, json={"status": 2}),
        client.get(f"{order}/history"),
        client.get(f"/clients/{customer}/summary"),
        client.get("/audit"),
        client.post("/orders/checkout", json=placed),
        client.get("/health_check"),
    ]
    found = [times(answer.text) for answer in answers]
    assert all(found), found
    assert {time[-1] for group in found for time in group} == {"Z"}
    assert [group[0] for group in found[:3]] == ["2026-07-01T05:02:03.500000Z"] * 3
    assert found[6] == ["2026-07-01T05:02:03.500000Z"]


@pytest.mark.parametrize(
    "date", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "1850-06-01T00:00:00Z", "2026-03-08T07:00:00Z"]
)
def test_times_survive_at_the_bounds_and_shifts_of_the_zone(client: TestClient, make: Factory, date: str) -> None:
    """Write before the first time zones, and at the ends of the calendar, whose years differ in other zones."""
    made = make.order(date=date)
    path = f"/orders/{made['id_key']}"
    assert (made["date"], client.get(path).json()["date"]) == (date, date)
    assert client.patch(path, json={"delivery_method": 2}).json()["date"] == date


def test_days_begin_and_end_in_utc(client: TestClient, make: Factory) -> None:
    customer = make.customer()["id_key"]
    dates = ["2026-07-01T23:59:59.999999Z", "2026-07-02T00:00:00Z", "2026-07-02T23:59:59Z", "2026-07-03T00:00:00Z"]
    orders = [make.order(client_id=customer, date=date)["id_key"] for date in dates]
    day = {"client_id": customer, "date_from": "2026-07-02", "date_to": "2026-07-02"}
    assert [one["id_key"] for one in client.get("/orders", params=day).json()] == orders[1:3]
    assert make.order(client_id=customer, date="2026-07-02T10:00:00")["date"] == "2026-07-02T10:00:00Z"
    entries = client.get("/audit", params={"date_from": str(datetime.now(UTC).date())}).json()
    assert "/orders" in {entry["path"] for entry in entries}


def test_today_is_the_day_in_utc(client: TestClient, make: Factory) -> None:
    before = datetime.now(UTC).date()
    bill = make.bill()
    assert before <= datetime.fromisoformat(bill["date"]).date() <= datetime.now(UTC).date()
    assert bill["bill_number"].split("-")[1] == bill["date"][:4]
