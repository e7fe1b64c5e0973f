"""Log lines that operators search for, by their documented words."""

import logging
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from config.settings import Settings
from main import create_fastapi_app
from tests.factories import Factory
from tests.servers import until

CALLS = 50


@pytest.fixture
def shop(settings: Settings, committing_client: TestClient, caplog: pytest.LogCaptureFixture) -> Iterator[TestClient]:
    """Yield a client of an application with a rate limit. Its log lines are captured at all levels."""
    caplog.set_level(logging.DEBUG)
    limited = {"rate_limit_enabled": True, "rate_limit_calls": CALLS, "log_level": "DEBUG"}
    app = create_fastapi_app(settings.model_copy(update=limited))
    with TestClient(app) as client:
        until(lambda: app.state.app_context.redis.is_up)
        yield client


def lines(caplog: pytest.LogCaptureFixture, begin: str) -> list[tuple[str, str]]:
    """Return level and text of the lines that begin with these words."""
    records = [*caplog.get_records("setup"), *caplog.records]
    found = [record for record in records if record.getMessage().startswith(begin)]
    return [(record.levelname, record.getMessage()) for record in found]


def test_cache_and_connection(shop: TestClient, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    category = Factory(shop).category()["id_key"]
    for _ in range(3):
        shop.get(f"/categories/{category}")
    key = f"categories:id:{category}"
    connected = f"Redis connected successfully: {settings.redis_host}:{settings.redis_port} (DB: 0)"
    assert set(lines(caplog, "Redis connected")) == {("INFO", connected)}
    assert lines(caplog, "Invalidated") == [("DEBUG", f"Invalidated 2 cache entries: categories:list, {key}")]
    assert lines(caplog, "Cache") == [("DEBUG", f"Cache MISS: {key}")] + 2 * [("DEBUG", f"Cache HIT: {key}")]


def test_refused_sales(shop: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    make = Factory(shop)
    product, order = make.product(price=89.99, stock=5)["id_key"], make.order()["id_key"]
    sale = {"order_id": order, "product_id": product, "quantity": 10}
    assert shop.post("/order_details", json={**sale, "price": 99.99}).status_code == 400
    assert shop.post("/order_details", json=sale).status_code == 400
    assert lines(caplog, "Price mismatch") == [
        ("WARNING", f"Price mismatch for product {product}: offered=99.99, product=89.99")
    ]
    assert lines(caplog, "Insufficient stock") == [
        ("WARNING", f"Insufficient stock for product {product}. Requested: 10, Available: 5")
    ]


def test_rate_limit_is_logged_once_in_a_period(shop: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    answers = [shop.get("/bills").status_code for _ in range(CALLS + 3)]
    assert answers[CALLS:] == [429] * 3
    assert lines(caplog, "Rate limit") == [("WARNING", "Rate limit exceeded for IP: testclient")]
