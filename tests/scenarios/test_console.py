"""The shop console in Chromium: sign in, create a product, sell it, cancel, hit a conflict; accessibility."""

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
from tests.servers import served_in_thread, until

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

    def order(self, client: int, product: int) -> int:
        items = [{"product_id": product, "quantity": 1}]
        return self.make("/orders/checkout", client_id=client, delivery_method=1, payment_type="card", items=items)


@pytest.fixture(scope="module")
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


def test_create_sell_cancel_and_conflict(page: ConsolePage, shop: Shop) -> None:
    page.open()
    page.sign_in("eck_wrong")
    page.see("Invalid credentials")
    page.sign_in(shop.key)
    page.see("Top products")

    page.open("/products/create")
    page.fill("Name", "Reading lamp")
    page.choose("Category", "Lamps")
    page.fill("Price", "49.90")
    page.fill("Stock", "10")
    page.click("Save")
    until(lambda: shop.http.get("/products?q=reading").json())
    [product] = shop.http.get("/products?q=reading").json()
    assert (product["price"], product["stock"]) == (49.9, 10)

    page.open("/orders/create")
    page.choose("Client", "Ada Lovelace", typed=True)
    page.choose("Product", "Reading lamp", typed=True)
    page.fill("Quantity", "3")
    page.see("€149.70")
    page.click("Save")
    page.see("History")
    assert shop.http.get(f"/products/{product['id_key']}").json()["stock"] == 7

    page.click("Cancel order")
    page.click("Confirm")
    page.see("The order is canceled")
    page.open(f"/products/{product['id_key']}/show")
    page.see("Restored")
    assert shop.http.get(f"/products/{product['id_key']}").json()["stock"] == 10

    page.open(f"/products/{product['id_key']}")
    page.fill("Name", "Desk lamp")
    shop.http.patch(f"/products/{product['id_key']}", json={"price": 39.9})
    page.click("Save")
    page.see("Somebody else has changed this")
    assert shop.http.get(f"/products/{product['id_key']}").json()["name"] == "Reading lamp"
    page.click("Save mine")
    page.browser.wait_for("!document.querySelector('[role=dialog]')")
    changed = shop.http.get(f"/products/{product['id_key']}").json()
    assert (changed["name"], changed["price"]) == ("Desk lamp", 39.9)


def test_clients_see_only_their_own(page: ConsolePage, shop: Shop) -> None:
    product = shop.product(stock=5)
    other = shop.make("/clients", name="Grace", lastname="Hopper", email="grace@example.com")
    own, foreign = shop.order(shop.client, product), shop.order(other, product)
    page.open("/clients")
    page.sign_in(new_key(shop.app, shop.client).key)
    page.see("Lovelace")
    text = page.browser.evaluate("document.body.innerText")
    assert "Hopper" not in text
    assert "Audit log" not in text
    page.open(f"/orders/{own}/show")
    page.see("Cancel order")
    page.open(f"/orders/{foreign}/show")
    page.browser.wait_for(f"!location.hash.includes('{foreign}/show')")


@pytest.mark.parametrize(
    ("scheme", "width", "places"),
    [
        ("light", 1280, ("/", "/products", "/products/{product}", "/orders/create", "/api_keys", "/audit")),
        ("dark", 390, ("/", "/orders", "/products/{product}/show", "/orders/{order}/show", "/clients/{client}")),
    ],
)
def test_pages_are_accessible_and_fit(
    page: ConsolePage, shop: Shop, scheme: str, width: int, places: tuple[str, ...]
) -> None:
    product = shop.product(stock=2)
    order = shop.order(shop.client, product)
    page.show_as(scheme, width)
    page.open()
    page.see("Sign in")
    found = {"sign in": page.violations()}
    page.sign_in(shop.key)
    page.see("Top products")
    for place in (place.format(product=product, order=order, client=shop.client) for place in places):
        page.open(place)
        page.browser.wait_for("document.querySelector('#main-content')?.innerText.length > 60")
        found[place] = page.violations()
        assert page.browser.evaluate("document.documentElement.scrollWidth") <= width, place
    assert {place: problems for place, problems in found.items() if problems} == {}
