"""The event log: one event for each changed object, in the transaction of the change, and none is missed."""

import asyncio
import random
import re
import threading
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection, text

from infrastructure.postgres.database import Database
from services.transactions.event_log import publish_events, remove_old_events
from tests.database import TransactionalDatabase, as_owner
from tests.entities import Entity, every_entity
from tests.event_log import events, replay, shown
from tests.factories import Factory, Object

Told = list[tuple[str, str]]


def told(log: list[Object]) -> Told:
    return [(event["type"], event["resource"]) for event in log]


def since(client: TestClient, before: list[Object]) -> list[Object]:
    return events(client, before[-1]["id_key"])


@every_entity
def test_every_change_of_an_object_has_an_event_with_its_body(
    make: Factory, client: TestClient, entity: Entity
) -> None:
    made = entity.make(make)
    path = f"{entity.path}/{made['id_key']}"
    changed = client.patch(path, json=entity.updates()).json()
    assert client.patch(path, json=entity.updates()).json() == client.put(path, json=changed).json() == changed
    assert client.delete(path).status_code == 204
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", entity.name).lower()
    own = [event for event in events(client) if event["resource"] == path]
    expected = [(f"{name}.created", made), (f"{name}.updated", changed), (f"{name}.deleted", changed)]
    if entity.name == "Order":
        expected.insert(2, ("order.status_changed", changed))
    if entity.name == "Client":
        expected = [(kind, without_personal_data(body)) for kind, body in expected]
    assert [(event["type"], event["data"]) for event in own] == expected
    assert all(list(event) == ["id_key", "type", "created_at", "resource", "data"] for event in own)
    assert [list(event["data"]) for event in own] == [list(made)] * len(own)


def without_personal_data(body: Object) -> Object:
    return {name: value if name in ("id_key", "client_id") else None for name, value in body.items()}


def test_sales_change_products_and_the_status_has_events_of_its_own(make: Factory, client: TestClient) -> None:
    product, order = make.product(stock=70)["id_key"], make.order()["id_key"]
    before = events(client)
    detail = make.order_detail(order_id=order, product_id=product, quantity=1)["id_key"]
    sold = since(client, before)
    paths = f"/products/{product}", f"/order_details/{detail}"
    assert sorted(told(sold)) == [("order_detail.created", paths[1]), ("product.updated", paths[0])]
    client.patch(paths[1], json={"quantity": 2})
    client.patch(f"/orders/{order}", json={"status": 4})
    client.delete(f"/orders/{order}")
    assert sorted(told(since(client, sold))) == [
        ("order.deleted", f"/orders/{order}"),
        ("order.status_changed", f"/orders/{order}"),
        ("order.updated", f"/orders/{order}"),
        ("order_detail.deleted", paths[1]),
        ("order_detail.updated", paths[1]),
        ("product.updated", paths[0]),
        ("product.updated", paths[0]),
    ]
    assert replay(events(client)) == shown(client)


def test_a_checkout_has_one_event_for_each_object(make: Factory, client: TestClient) -> None:
    products = [make.product(stock=9)["id_key"] for _ in range(2)]
    body = {"client_id": make.customer()["id_key"], "delivery_method": 1, "payment_type": "cash"}
    items = [{"product_id": product, "quantity": 1} for product in (*products, products[0])]
    before = events(client)
    placed = client.post("/orders/checkout", json=body | {"items": items}).json()
    log = since(client, before)
    assert sorted(told(log)) == sorted(
        [
            ("order.created", f"/orders/{placed['order']['id_key']}"),
            ("bill.created", f"/bills/{placed['bill']['id_key']}"),
            *(("order_detail.created", f"/order_details/{one['id_key']}") for one in placed["order_details"]),
            *(("product.updated", f"/products/{product}") for product in products),
        ]
    )
    assert next(event["data"] for event in log if event["type"] == "order.created") == placed["order"]
    assert replay(events(client)) == shown(client)


def test_refused_and_repeated_requests_have_no_event(make: Factory, client: TestClient) -> None:
    product, order = make.product(stock=1)["id_key"], make.order()["id_key"]
    before, key = events(client), {"Idempotency-Key": "events"}
    assert client.post("/order_details", json={"order_id": order, "product_id": product, "quantity": 2}).is_error
    assert client.delete(f"/categories/{make.product()['category_id']}").status_code == 409
    for _ in range(2):
        client.post("/categories", json={"name": "Once"}, headers=key)
    names = [kind for kind, _ in told(since(client, before))]
    assert names == ["category.created", "product.created", "category.created"]


def test_low_stock_is_told_once_for_each_crossing(make: Factory, client: TestClient, app: FastAPI) -> None:
    low = app.state.app_context.settings.low_stock_threshold
    product = make.product(stock=low + 2)["id_key"]
    make.product(stock=low)  # it never was above
    for stock in (low + 1, low, low - 1, low + 1, low - 1, low):
        client.patch(f"/products/{product}", json={"stock": stock})
    crossings = events(client, type="stock.low")
    assert [(event["resource"], event["data"]["stock"]) for event in crossings] == [
        (f"/products/{product}", low),
        (f"/products/{product}", low - 1),
    ]


def test_writes_of_other_programs_have_events(make: Factory, client: TestClient, app: FastAPI) -> None:
    """Write as endpoints of one's own and people do: many rows at once, without the service, in another time zone."""
    shelf = make.category()["id_key"]
    order, before = make.order(date="2026-03-04T05:06:07.5Z"), events(client)
    database: TransactionalDatabase = app.state.app_context.database
    with database.sessions() as session:
        for statement in (
            f"INSERT INTO products (name, price, category_id) SELECT 'Thing', 1, {shelf} FROM generate_series(1, 3)",
            f"UPDATE products SET price = price + 1, stock = 3 WHERE category_id = {shelf}",
            f"UPDATE products SET price = price, recorded_changes = 9 WHERE category_id = {shelf}",
            f"DELETE FROM products WHERE category_id = {shelf}",
            "UPDATE products SET price = 1 WHERE false",
            f"SET LOCAL timezone = 'Asia/Tokyo'; UPDATE orders SET total = 1.5 WHERE id_key = {order['id_key']}",
            "SET LOCAL timezone = 'UTC'",
        ):
            session.execute(text(statement))
        session.commit()
    log = since(client, before)
    kinds = [kind for kind, _ in told(log)]
    assert kinds == [*["product.created"] * 3, *["product.updated"] * 3, *["product.deleted"] * 3, "order.updated"]
    assert log[3]["data"] == {**log[0]["data"], "price": 2.0, "stock": 3}
    assert log[-1]["data"] == {**order, "total": 1.5}


def test_deleting_a_client_redacts_its_events(make: Factory, client: TestClient) -> None:
    person = make.customer(name="Grace", lastname="Hopper", email="grace@example.com", telephone="+15550001")
    other = make.customer(name="Ada")
    lane = make.address(client_id=person["id_key"], street="Secret Lane", number="1")
    moved = make.address(client_id=other["id_key"], street="Open Road")
    events(client)  # published before the deletion
    client.patch(f"/addresses/{moved['id_key']}", json={"client_id": person["id_key"], "street": "Secret Road"})
    client.patch(f"/clients/{person['id_key']}", json={"name": "G."})
    assert client.delete(f"/clients/{person['id_key']}").status_code == 204
    log = events(client)
    own = [event for event in log if person["id_key"] in (event["data"]["id_key"], event["data"].get("client_id"))]
    own = [event for event in own if event["type"].startswith(("client.", "address."))]
    assert [kind for kind, _ in told(own)] == [
        *("client.created", "address.created", "address.updated", "client.updated"),
        *("client.deleted", "address.deleted", "address.deleted"),
    ]
    assert all(event["data"] == without_personal_data(event["data"]) for event in own)
    assert set(own[1]["data"]) == set(lane)
    kept = str([event for event in log if event not in own])
    assert "Ada" in kept
    assert "Open Road" in kept
    assert not any(secret in str(log) for secret in ("Grace", "Hopper", "grace@", "+15550001", "Secret"))


def test_a_deleted_address_keeps_its_event(make: Factory, client: TestClient) -> None:
    address = make.address()
    client.delete(f"/addresses/{address['id_key']}")
    assert events(client, type="address.deleted")[0]["data"] == address


def test_old_events_are_removed_and_readers_learn_of_it(make: Factory, client: TestClient, app: FastAPI) -> None:
    app_context = app.state.app_context
    ids = [make.category()["id_key"] for _ in range(4)]
    log = events(client)
    keys = [event["id_key"] for event in log]
    assert keys == list(range(keys[0], keys[0] + len(ids)))
    connection = app_context.database.connection
    asyncio.run(remove_old_events(app_context.database, app_context.settings))
    assert events(client) == log
    age(connection, keys[0], keys[1], keys[3])
    asyncio.run(remove_old_events(app_context.database, app_context.settings))
    assert [event["id_key"] for event in events(client)] == keys[2:], "only from the beginning"
    assert [event["id_key"] for event in events(client, keys[1])] == keys[2:]
    gone = client.get("/events", params={"after_id": keys[0]})
    assert gone.status_code == 410, gone.text
    assert gone.json() == {"detail": f"Events after {keys[0]} have been removed. The oldest event is {keys[2]}"}
    age(connection, *keys)
    asyncio.run(remove_old_events(app_context.database, app_context.settings))
    assert [event["id_key"] for event in events(client, keys[2])] == keys[3:], "the last one shows the number"
    assert len(client.get("/events").json()) == 1
    assert client.get("/events", params={"after_id": keys[1]}).status_code == 410
    newest_first = {"sort": "-id_key", "after_id": keys[3]}
    assert client.get("/events", params=newest_first).json() == []


def age(connection: Connection, *keys: int) -> None:
    with as_owner(connection):
        statement = "UPDATE events SET created_at = now() - interval '31 days' WHERE id_key = ANY (:keys)"
        connection.execute(text(statement), {"keys": list(keys)})


def category(connection: Connection, name: str) -> None:
    connection.execute(text("INSERT INTO categories (name) VALUES (:name)"), {"name": name})


def names(log: list[Object]) -> list[str]:
    return [event["data"]["name"] for event in log]


def test_events_of_late_commits_come_after_those_that_were_read(
    committing_client: TestClient, committing: Database
) -> None:
    """Hold transactions open, and commit them in another order than they began and wrote."""
    with (
        committing.engine.connect() as first,
        committing.engine.connect() as second,
        committing.engine.connect() as third,
    ):
        category(first, "first")
        category(second, "second")
        category(third, "third")
        second.commit()
        log = events(committing_client)
        assert names(log) == ["second"]
        category(first, "first again")
        category(second, "second again")
        third.rollback()
        assert since(committing_client, log) == []
        first.commit()
        log += since(committing_client, log)
        assert names(log) == ["second", "first", "first again"]
        second.commit()
    log += since(committing_client, log)
    assert names(log)[3:] == ["second again"]
    assert events(committing_client) == log
    assert [event["id_key"] for event in log] == [1, 2, 3, 4]


def test_changes_of_one_object_keep_their_order(committing_client: TestClient, committing: Database) -> None:
    """Let the second writer of a row, whose transaction is older, wait for the first one."""
    committing_client.post("/categories", json={"name": "0"})
    with committing.engine.connect() as older, committing.engine.connect() as newer:
        category(older, "begins")
        newer.execute(text("UPDATE categories SET name = '1' WHERE name = '0'"))
        waiting = threading.Thread(
            target=older.execute, args=(text("UPDATE categories SET name = '2' WHERE id_key = 1"),)
        )
        waiting.start()
        newer.commit()
        waiting.join()
        older.commit()
    assert replay(events(committing_client)) == shown(committing_client)


def test_readers_miss_nothing_while_writers_commit_in_any_order(
    committing_client: TestClient, committing: Database
) -> None:
    """Read while 8 threads commit 25 transactions each, of up to three writes, with other ones in between."""
    done, read = threading.Event(), list[Object]()

    def write(seed: int) -> None:
        choice = random.Random(seed)
        for number in range(25):
            with committing.engine.connect() as connection:
                for part in range(choice.randint(1, 3)):
                    category(connection, f"{seed}-{number}-{part}")
                (connection.rollback if choice.random() < 0.1 else connection.commit)()

    def follow() -> None:
        is_last = False
        while not is_last:
            is_last = done.is_set()
            read.extend(events(committing_client, read[-1]["id_key"] if read else 0, limit=7))

    with ThreadPoolExecutor(9) as pool:
        following = pool.submit(follow)
        for result in [pool.submit(write, seed) for seed in range(8)]:
            result.result()
        done.set()
        following.result()
    assert read == events(committing_client)
    assert [event["id_key"] for event in read] == list(range(1, len(read) + 1))
    assert replay(read) == shown(committing_client)


def test_workers_publish_without_a_reader(committing_client: TestClient, committing: Database, app: FastAPI) -> None:
    """Publish as the periodic task does. It does nothing while another session publishes."""

    def published() -> int:
        with committing.engine.connect() as connection:
            return int(connection.scalar(text("SELECT count(*) FROM events")) or 0)

    with committing.engine.connect() as other, committing.engine.connect() as writer:
        other.execute(text("SELECT publish_events(0, false)"))
        category(writer, "x")
        writer.commit()
        asyncio.run(publish_events(committing, app.state.app_context.settings))
        assert published() == 0
    asyncio.run(publish_events(committing, app.state.app_context.settings))
    assert published() == 1
    committing.writes.close()
