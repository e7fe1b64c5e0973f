"""The shop console in Chromium after the sale: pay, capture, ship, deliver, return, refund, export."""

from decimal import Decimal
from pathlib import Path

from sqlalchemy import text

from infrastructure.payments.provider import ProviderStatus
from tests.console import ConsolePage
from tests.credentials import new_key
from tests.payment_provider import Charge, ProviderDouble
from tests.scenarios.console.conftest import Shop
from tests.servers import until


def test_sell_pay_ship_deliver_and_return(page: ConsolePage, shop: Shop) -> None:
    product = shop.product(name="Reading lamp", price=20, stock=5)
    page.open("/orders/create")
    page.sign_in(shop.key)
    page.choose("Client", "Ada Lovelace", typed=True)
    page.choose("Product", "Reading lamp", typed=True)
    page.fill("Quantity", "2")
    page.click("Save")
    page.see("No shipments")
    order = f"/orders/{page.place().split('/')[2]}"

    page.click("Pay")
    page.answer("Pay")
    page.see("The payment is recorded")
    assert shop.http.get(f"{order}/balance").json()["captured"] == 40

    page.click("Ship")
    page.see("At most 2")
    assert page.violations() == []
    page.fill("Carrier", "DHL")
    page.fill("Tracking number", "JD014600003")
    page.answer("Ship")
    page.see("The shipment is created")
    page.click("Report")
    page.choose("Event", "Delivered")
    page.fill("Place", "Leipzig")
    page.answer("Report")
    page.see("Delivered, Leipzig")
    assert shop.http.get(order).json()["status"] == 3

    page.click("Request a return")
    page.fill("Reason", "Too small")
    page.fill("Reading lamp", "1")
    page.answer("Request a return")
    page.click("Approve")
    page.click("Receive")
    page.answer("Receive")
    page.click("Refund return")
    page.click("Confirm")
    page.see("The refund is on its way")
    [made] = shop.http.get(f"{order}/returns").json()
    assert (made["status"], made["lines"][0]["quantity"]) == ("refunded", 1)
    assert shop.http.get(f"/products/{product}").json()["stock"] == 4
    assert [note["amount"] for note in shop.http.get("/credit_notes").json()] == [20]


def test_clients_follow_and_return_their_orders(page: ConsolePage, shop: Shop) -> None:
    order = shop.order(shop.client, shop.product(stock=5))
    shop.deliver(order)
    page.open(f"/orders/{order}/show")
    page.sign_in(new_key(shop.app, shop.client).key)
    page.see("1 × Lamp")  # noqa: RUF001
    page.click("Request a return")
    page.fill("Reason", "Too small")
    page.answer("Request a return")
    page.see("Requested")
    buttons = page.buttons()
    assert not buttons & {"pay", "ship", "report", "approve", "reject", "delete", "request a return"}
    page.open("/returns")
    page.see("Too small")


def test_capture_and_refund_a_part(page: ConsolePage, shop: Shop) -> None:
    order = shop.order(shop.client, shop.product(stock=5, price=20))
    payment = shop.make(f"/orders/{order}/payments")
    double = shop.app.state.app_context.providers["double"] = ProviderDouble()
    double.charges["ref"] = Charge(Decimal(20), ProviderStatus.AUTHORIZED)
    with shop.app.state.app_context.database.sessions.begin() as session:
        session.execute(text("UPDATE payments SET status = 'authorized', provider = 'double', reference = 'ref'"))
    page.open(f"/orders/{order}/show")
    page.sign_in(shop.key)
    page.click("Capture")
    page.fill("Amount", "15")
    page.answer("Capture")
    page.see("Due: €5.00")
    page.click("Refund")
    page.fill("Amount", "4.5")
    page.answer("Refund")
    page.see("Partially refunded")
    found = shop.http.get(f"/payments/{payment}").json()
    assert (found["amount"], found["refunded"]) == (15, 4.5)


def test_export_is_the_list(page: ConsolePage, shop: Shop, tmp_path: Path) -> None:
    """Compare the file with the service's own: the browser sends the credentials and saves it."""
    shop.product(stock=5)
    page.open("/products")
    page.sign_in(shop.key)
    page.see("Lamp")
    page.browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.click("Export")
    page.click("CSV")
    saved = tmp_path / "products.csv"
    until(saved.exists)
    assert saved.read_bytes() == shop.http.get("/products/export?format=csv&sort=-id_key").content
