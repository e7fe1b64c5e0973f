"""A shop and its console in Chromium: no unexpected errors, and no requests to other hosts."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.postgres.database import Database
from tests.console import ConsolePage, console_page
from tests.credentials import new_key
from tests.database import empty_tables
from tests.servers import served_in_thread

EXPECTED_ERRORS = ("401 (Unauthorized)", "403 (Forbidden)", "404 (Not Found)", "412 (Precondition Failed)")


class Shop:
    """The service with an admin's key, and one client and one category."""

    def __init__(self, app: Any, url: str) -> None:
        self.app, self.url, self.key = app, url, new_key(app).key
        self.http = httpx2.Client(base_url=url, headers={"X-API-Key": self.key}, timeout=30)
        self.client = self.make("/clients", name="Ada", lastname="Lovelace", email="ada@example.com")
        self.category = self.make("/categories", name="Lamps")

    def make(self, path: str, **body: Any) -> int:
        answer = self.http.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return int(answer.json().get("order", answer.json())["id_key"])

    def product(self, **body: Any) -> int:
        return self.make("/products", **{"name": "Lamp", "price": 9.5, "category_id": self.category, **body})

    def order(self, client: int, product: int, quantity: int = 1) -> int:
        items = [{"product_id": product, "quantity": quantity}]
        return self.make("/orders/checkout", client_id=client, delivery_method=1, payment_type="card", items=items)

    def deliver(self, order: int) -> None:
        shipment = self.make(f"/orders/{order}/shipments", carrier="DHL")
        self.make(f"/shipments/{shipment}/events", status="delivered")


@pytest.fixture(scope="package")
def url_and_app(settings: Settings) -> Iterator[tuple[str, Any]]:
    from main import create_fastapi_app

    own = {"api_host": LOOPBACK, "api_port": free_port(), "auth_mode": "api_key"}
    app = create_fastapi_app(settings.model_copy(update=own))
    with served_in_thread(app) as port:
        yield f"http://{LOOPBACK}:{port}", app


@pytest.fixture
def shop(url_and_app: tuple[str, Any], committing: Database, empty_cache: None) -> Iterator[Shop]:
    url, app = url_and_app
    shop = Shop(app, url)
    with closing(shop.http):
        yield shop
    app.state.app_context.refusals.take()  # else they are written at the stop
    empty_tables(committing)


@pytest.fixture
def page(tmp_path: Path, shop: Shop) -> Iterator[ConsolePage]:
    with console_page(tmp_path, shop.url) as page:
        yield page
    unexpected = [error for error in page.browser.errors if not any(text in error for text in EXPECTED_ERRORS)]
    assert unexpected == []
    hosts = {urlsplit(address).netloc for address in page.browser.requested if address.startswith(("http", "ws"))}
    assert hosts == {urlsplit(shop.url).netloc}
