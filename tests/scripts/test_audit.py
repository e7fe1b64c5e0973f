"""Consistency check: it accepts all results of the API and reports damage done in SQL."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from infrastructure.embedded.ports import free_port
from infrastructure.postgres.database import Database
from repositories.checks import event_check
from repositories.checks.consistency_check import CHECKS, Disagreement, disagreements
from scripts.audit import SHOWN, report
from services.events.event_bodies import SCHEMAS
from tests.database import as_owner
from tests.factories import Factory, Object
from tests.servers import ROOT

Ask = Callable[..., list[Disagreement]]


@pytest.fixture
def ask(app: FastAPI, client: TestClient) -> Ask:
    """Return a function that runs statements and then the check."""

    def audit(*statements: str) -> list[Disagreement]:
        with app.state.app_context.database.sessions() as session:
            with as_owner(session):
                for statement in statements:
                    session.execute(text(statement))
            return disagreements(session.connection())

    return audit


@pytest.fixture
def placed(client: TestClient, make: Factory) -> Object:
    """Check out three units at 5.00 and one at 0.10, less 0.10, of products with ten units each."""
    products = [make.product(stock=10, price=price)["id_key"] for price in (5, 0.1)]
    items = [{"product_id": products[0], "quantity": 3}, {"product_id": products[1], "quantity": 1}]
    body = {"client_id": make.customer()["id_key"], "delivery_method": 1, "payment_type": "cash", "discount": 0.1}
    return make.post("/orders/checkout", body | {"items": items})


def test_an_empty_shop_agrees(ask: Ask) -> None:
    assert ask() == []


def test_results_of_the_api_agree(client: TestClient, make: Factory, ask: Ask, placed: Object) -> None:
    order, (first, second) = placed["order"]["id_key"], placed["order_details"]
    calls: list[tuple[str, str, Object | None]] = [
        ("PUT", f"/products/{first['product_id']}", {"stock": 9, "price": 7}),
        ("PATCH", f"/order_details/{first['id_key']}", {"quantity": 5}),
        ("POST", "/order_details", {"order_id": order, "product_id": first["product_id"], "quantity": 1}),
        ("PATCH", f"/bills/{placed['bill']['id_key']}", {"discount": 7}),
        ("DELETE", f"/order_details/{second['id_key']}", None),
        ("PATCH", f"/orders/{order}", {"status": 2}),
        ("DELETE", f"/products/{make.product(stock=3)['id_key']}", None),
        ("PATCH", f"/orders/{order}", {"status": 3}),
        ("DELETE", f"/orders/{order}", None),
    ]
    for status in (1, 3, 4):
        other = make.order_detail(product_id=second["product_id"], quantity=2)["order_id"]
        calls.append(("PATCH", f"/orders/{other}", {"status": status}))
    calls.append(("DELETE", f"/orders/{other}", None))
    for method, path, body in calls:
        assert client.request(method, path, json=body).status_code in (200, 201, 204)
        assert ask() == []


STOCK = "product {p}: 8 in stock, but its movements add up to 7"
SALES = "order detail {{d}}: {} units in its order, but {} in the ledger"
UNRECORDED = (
    "ALTER TABLE products DISABLE TRIGGER record_stock; UPDATE products SET stock = stock + 1 WHERE id_key = {p}"
)
TOTALS = "order {{o}}: total {}, but the bill has {}, and the lines 15.10 less a discount of {}"
CHANGED = "order {{o}}: total 15.00, but the bill has 15.00, and the lines {} less a discount of 0.10"
STATUSES = "order {{o}}: status 1, but its history ends with {}"
WRONG = (
    (UNRECORDED, "stock", STOCK),
    (
        "UPDATE stock_movements SET stock_after = 9 WHERE id_key = {m}",
        "ledger",
        "product {p}: stock_after of movement {m} is not the sum so far",
    ),
    ("UPDATE stock_movements SET order_detail_id = NULL WHERE id_key = {m}", "sales", SALES.format(3, 0)),
    ("UPDATE stock_movements SET reason = 'damaged' WHERE id_key = {m}", "sales", SALES.format(3, 0)),
    ("UPDATE order_details SET quantity = 1, price = 15 WHERE id_key = {d}", "sales", SALES.format(1, 3)),
    ("UPDATE order_details SET price = 9 WHERE id_key = {d}", "totals", CHANGED.format("27.10")),
    ("UPDATE orders SET total = 15.01 WHERE id_key = {o}", "totals", TOTALS.format("15.01", "15.00", "0.10")),
    ("UPDATE bills SET discount = 0 WHERE id_key = {b}", "totals", TOTALS.format("15.00", "15.00", "0.00")),
    ("UPDATE bills SET total = 0 WHERE id_key = {b}", "totals", TOTALS.format("15.00", "0.00", "0.10")),
    ("DELETE FROM order_status_changes WHERE order_id = {o}", "statuses", STATUSES.format("nothing")),
    ("UPDATE order_status_changes SET to_status = 2 WHERE order_id = {o}", "statuses", STATUSES.format("2")),
)


@pytest.mark.parametrize(("statement", "check", "problem"), WRONG)
def test_one_wrong_value_is_found(
    client: TestClient, ask: Ask, placed: Object, statement: str, check: str, problem: str
) -> None:
    names = {
        "o": placed["order"]["id_key"],
        "b": placed["bill"]["id_key"],
        "d": placed["order_details"][0]["id_key"],
        "p": placed["order_details"][0]["product_id"],
    }
    names["m"] = client.get(f"/products/{names['p']}/stock_movements").json()[-1]["id_key"]
    assert ask(*statement.format(**names).split("; ")) == [(check, problem.format(**names))]


SHIPPED_WRONG = (
    (
        "UPDATE shipment_lines SET quantity = 4 WHERE order_detail_id = {d}",
        "order detail {d}: 4 units shipped, but 3 ordered",
    ),
    (
        "UPDATE shipment_lines SET order_detail_id = {x} WHERE order_detail_id = {d}",
        "shipment {s}: order detail {x} is in order {y}, not in {o}",
    ),
    ("UPDATE shipments SET status = 'delivered'", "shipment {s}: delivered, but its last event is none"),
    ("DELETE FROM shipment_events", "shipment {e}: in_transit, but its last event is none"),
)


@pytest.mark.parametrize(("statement", "problem"), SHIPPED_WRONG)
def test_a_wrong_shipment_is_found(
    client: TestClient, ask: Ask, placed: Object, make: Factory, statement: str, problem: str
) -> None:
    order, detail = placed["order"]["id_key"], placed["order_details"][0]["id_key"]
    lines = [{"order_detail_id": detail, "quantity": 3}]
    shipment = make.post(f"/orders/{order}/shipments", {"lines": lines})["id_key"]
    other = make.order_detail(quantity=9)
    moving = make.post(f"/orders/{other['order_id']}/shipments", {})["id_key"]
    make.post(f"/shipments/{moving}/events", {"status": "in_transit"})
    assert ask() == []
    free = make.order_detail(quantity=9)
    names = {"o": order, "d": detail, "s": shipment, "e": moving, "x": free["id_key"], "y": free["order_id"]}
    if "delivered" in statement:
        statement += " WHERE id_key = {s}"
    assert ("shipments", problem.format(**names)) in ask(statement.format(**names))


@pytest.mark.parametrize(("status", "event"), [(1, None), (3, None), (4, None), (1, "delivered"), (4, "delivered")])
def test_an_order_whose_status_contradicts_its_shipment_is_found(
    ask: Ask, placed: Object, make: Factory, status: int, event: str | None
) -> None:
    order = placed["order"]["id_key"]
    lines = [{"order_detail_id": placed["order_details"][0]["id_key"], "quantity": 3}]
    shipment = make.post(f"/orders/{order}/shipments", {"lines": lines})["id_key"]
    if event:
        make.post(f"/shipments/{shipment}/events", {"status": event})
    found = [
        one.problem
        for one in ask(f"UPDATE orders SET status = {status} WHERE id_key = {order}")
        if one.check == "shipments"
    ]
    assert found == [f"order {order}: status {status}, but shipment {shipment} is {event or 'created'}"]


PAID_WRONG = (
    (
        "UPDATE orders SET payments_total = 4; UPDATE bills SET payments_total = 4",
        "order {o}: its payments are 5.00, but 4.00 is noted",
    ),
    (
        "UPDATE bills SET payments_total = 4 WHERE id_key = {b}",
        "bill {b}: the payments of its orders are 5.00, but 4.00 is noted",
    ),
    ("UPDATE payments SET status = 'captured'", "payment {p}: 2.00 of 5.00 refunded, but it is captured"),
    ("UPDATE payment_operations SET amount = 3", "payment {p}: 2.00 refunded, but its refunds are 3.00"),
)


@pytest.mark.parametrize(("statement", "problem"), PAID_WRONG)
def test_a_wrong_payment_is_found(
    ask: Ask, client: TestClient, placed: Object, make: Factory, statement: str, problem: str
) -> None:
    order = placed["order"]["id_key"]
    payment = make.post(f"/orders/{order}/payments", {"amount": 5})["id_key"]
    assert client.post(f"/payments/{payment}/refund", json={"amount": 2}).status_code == 200
    assert ask() == []
    names = {"o": order, "b": placed["bill"]["id_key"], "p": payment}
    assert ("payments", problem.format(**names)) in ask(*statement.format(**names).split("; "))


RETURNED_WRONG = (
    ("UPDATE return_lines SET quantity = 4", "order detail {d}: 4 units returned, but 3 ordered"),
    ("UPDATE returns SET is_restocked = false", "order detail {d}: 0 units restocked, but 2 in the ledger"),
    ("UPDATE returns SET status = 'received'", "return {r}: received, with 1 credit notes"),
    ("DELETE FROM credit_notes", "return {r}: refunded, with 0 credit notes"),
    ("UPDATE credit_notes SET amount = 15.01", "order {o}: 15.01 credited, but 15.00 paid"),
    ("UPDATE credit_note_numbers SET last_number = 2", "{y}: 2 numbers, but 1 credit notes"),
    ("UPDATE orders SET status = 2 WHERE id_key = {o}", "return {r}: order {o} has status 2"),
    ("UPDATE returns SET order_id = {x}", "return {r}: order detail {d} is in another order"),
)


@pytest.mark.parametrize(("statement", "problem"), RETURNED_WRONG)
def test_a_wrong_return_is_found(
    client: TestClient, ask: Ask, placed: Object, make: Factory, statement: str, problem: str
) -> None:
    order, detail = placed["order"]["id_key"], placed["order_details"][0]["id_key"]
    make.post(f"/orders/{order}/payments", {})
    client.patch(f"/orders/{order}", json={"status": 3})
    lines = [{"order_detail_id": detail, "quantity": 2}]
    made = make.post(f"/orders/{order}/returns", {"lines": lines, "reason": "x"})
    for step in ("approve", "receive", "refund"):
        assert client.post(f"/returns/{made['id_key']}/{step}").status_code == 200
    assert ask() == []
    names = {"o": order, "d": detail, "r": made["id_key"], "y": made["created_at"][:4], "x": make.order()["id_key"]}
    assert ("returns", problem.format(**names)) in ask(statement.format(**names))


EVENTS_WRONG = (
    ("UPDATE products SET price = 9 WHERE id_key = {p}", "its last event, product.updated, shows another state"),
    (
        "UPDATE events SET type = 'product.deleted' WHERE resource = '/products/{p}'",
        "it exists, but its last event is its deletion",
    ),
    ("DELETE FROM events WHERE resource = '/products/{p}'", "it has no event"),
    ("DELETE FROM products WHERE id_key = {p}", "it does not exist, but its last event is product.updated"),
)


@pytest.mark.parametrize(("statement", "problem"), EVENTS_WRONG)
def test_a_row_that_is_not_its_last_event_is_found(
    ask: Ask, client: TestClient, make: Factory, statement: str, problem: str
) -> None:
    product = make.product()["id_key"]
    client.patch(f"/products/{product}", json={"price": 5})
    client.get("/events")  # publishes them
    assert ask() == []
    statements = "ALTER TABLE products DISABLE TRIGGER USER", statement.format(p=product)
    assert ask(*statements) == [("events", f"/products/{product}: {problem}")]


@pytest.mark.parametrize("table", ["shipment_lines", "return_lines"])
def test_lines_that_are_not_those_of_the_last_event_are_found(
    ask: Ask, client: TestClient, placed: Object, make: Factory, table: str
) -> None:
    order = placed["order"]["id_key"]
    line = {"order_detail_id": placed["order_details"][0]["id_key"], "quantity": 2}
    if table == "return_lines":
        client.patch(f"/orders/{order}", json={"status": 3})
        made = make.post(f"/orders/{order}/returns", {"lines": [line], "reason": "x"})
    else:
        made = make.post(f"/orders/{order}/shipments", {"lines": [line]})
    assert ask() == []
    name = table.removesuffix("_lines")
    problem = f"/{name}s/{made['id_key']}: its last event, {name}.created, shows another state"
    assert ("events", problem) in ask(f"UPDATE {table} SET quantity = 1")


def test_tables_with_events_are_checked() -> None:
    assert sorted(event_check.TABLES) == sorted(model.__tablename__ for model in SCHEMAS)


def test_a_bill_number_on_two_bills_is_found(ask: Ask, placed: Object, make: Factory) -> None:
    make.bill()
    found = ask("ALTER TABLE bills DROP CONSTRAINT uq_bills_bill_number", "UPDATE bills SET bill_number = 'B-1'")
    assert found == [("bill numbers", "B-1: on 2 bills")]


def test_products_that_searches_miss_are_found(ask: Ask, make: Factory) -> None:
    product = make.product(name="Blue Ukulele")["id_key"]
    assert ask() == []
    found = ask("DELETE FROM product_words WHERE word = 'ukulele'")
    assert found == [("words", f"product {product}: searches miss ukulele, which is not in product_words")]


def test_missing_details_are_found(ask: Ask, placed: Object) -> None:
    order = placed["order"]["id_key"]
    found = ask(f"DELETE FROM order_details WHERE order_id = {order}")
    problem = f"order {order}: total 15.00, but the bill has 15.00, and the lines 0 less a discount of 0.10"
    assert found == [("totals", problem)]


def test_details_without_a_sale_are_found(ask: Ask, make: Factory) -> None:
    """Tell them from those of the version before the ledger, which sells in the same transaction."""
    product, order = make.product(stock=9)["id_key"], make.order()["id_key"]
    values = f"INSERT INTO order_details (quantity, price, order_id, product_id) VALUES (2, 1, {order}, {product})"
    [found] = ask(values)
    assert found.check == "sales"
    assert found.problem.endswith(": 2 units in its order, but 0 in the ledger")
    assert ask(f"UPDATE products SET stock = stock - 2 WHERE id_key = {product}") == []


def test_shared_bills_are_found(ask: Ask, placed: Object, make: Factory) -> None:
    """Share a plain bill between clients, and the bill of a checkout within its client."""
    plain, others = make.order()["bill_id"], [make.order() for _ in range(2)]
    statements = (
        f"UPDATE orders SET bill_id = {plain} WHERE id_key = {others[0]['id_key']}",
        f"UPDATE orders SET bill_id = {placed['bill']['id_key']}, client_id = {placed['order']['client_id']} "
        f"WHERE id_key = {others[1]['id_key']}",
    )
    assert ask("ALTER TABLE orders DISABLE TRIGGER check_order_bill", *statements) == [
        ("bill owners", f"bill {placed['bill']['id_key']}: 2 orders of 1 clients, 1 of them placed by a checkout"),
        ("bill owners", f"bill {plain}: 2 orders of 2 clients, 0 of them placed by a checkout"),
    ]


def test_the_report_has_a_line_for_each_check_and_the_first_problems() -> None:
    assert report([]).splitlines() == [f"{check.capitalize():<14}no disagreements" for check in CHECKS]
    many = [Disagreement("stock", f"product {number}") for number in range(SHOWN + 5)]
    lines = report([*many, Disagreement("ledger", "order 1")]).splitlines()
    assert lines[:2] == [f"Stock         {SHOWN + 5} disagreements", "  product 0"]
    assert lines[SHOWN + 1 : SHOWN + 4] == ["  and 5 more", "Ledger        1 disagreement", "  order 1"]


def run_audit(folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "scripts.audit"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_exit_codes(committing_client: TestClient, committing: Database, tmp_path: Path) -> None:
    product = Factory(committing_client).product(stock=10)["id_key"]
    agreed = run_audit(tmp_path)
    database = f"Database: 127.0.0.1:{os.environ['POSTGRES_PORT']}/ecommerce_db\n"
    assert (agreed.returncode, agreed.stdout, agreed.stderr) == (0, report([]), database)
    with committing.engine.begin() as connection, as_owner(connection):
        connection.execute(text("UPDATE stock_movements SET quantity = 9"))
    found = run_audit(tmp_path)
    assert (found.returncode, found.stderr) == (1, database)
    assert f"  product {product}: 10 in stock, but its movements add up to 9\n" in found.stdout
    away = run_audit(tmp_path, POSTGRES_PORT=str(free_port()))
    assert (away.returncode, away.stdout, "The database cannot be read" in away.stderr) == (2, "", True)
    assert "Traceback" not in away.stderr
