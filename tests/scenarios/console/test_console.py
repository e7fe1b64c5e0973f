"""The shop console in Chromium: sign in, create a product, sell it, cancel, hit a conflict; accessibility."""

import pytest

from tests.console import ConsolePage
from tests.credentials import new_key
from tests.scenarios.console.conftest import Shop
from tests.servers import until

BLANK_BUTTONS = """[...document.querySelectorAll('button')]
    .filter(one => one.offsetParent && !one.innerText.trim() && !one.querySelector('svg')).map(one => one.outerHTML)"""


def test_create_sell_cancel_and_conflict(page: ConsolePage, shop: Shop) -> None:
    page.open()
    page.see("Sign in")
    assert page.browser.evaluate("history.length") < 10  # many steps let the browser ignore later ones
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
        ("light", 1280, ("/", "/products", "/products/{product}", "/orders/create", "/api_keys", "/audit", "/returns")),
        (
            "dark",
            390,
            (
                "/",
                "/orders",
                "/shipments",
                "/products/{product}/show",
                "/orders/{order}/show",
                "/orders/{pending}/show",
                "/clients/{client}",
            ),
        ),
    ],
)
def test_pages_are_accessible_and_fit(
    page: ConsolePage, shop: Shop, scheme: str, width: int, places: tuple[str, ...]
) -> None:
    product = shop.product(stock=2)
    order, pending = shop.order(shop.client, product), shop.order(shop.client, product)
    shop.deliver(order)
    [line] = shop.http.get(f"/order_details?order_id={order}").json()
    lines = [{"order_detail_id": line["id_key"], "quantity": 1}]
    shop.make(f"/orders/{order}/returns", lines=lines, reason="Too small")
    made = {"product": product, "order": order, "pending": pending, "client": shop.client}
    page.show_as(scheme, width)
    page.open()
    page.see("Sign in")
    found = {"sign in": page.violations()}
    page.sign_in(shop.key)
    page.see("Top products")
    for place in (place.format(**made) for place in places):
        page.open(place)
        page.browser.wait_for("document.querySelector('#main-content')?.innerText.length > 20")
        found[place] = page.violations()
        assert page.browser.evaluate("document.documentElement.scrollWidth") <= width, place
        assert page.browser.evaluate(BLANK_BUTTONS) == [], place
    assert {place: problems for place, problems in found.items() if problems} == {}
