"""Many buyers of the same products in two workers: one statement of each worker waits for a row, and none deadlocks."""

import random
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from config.settings import Settings
from infrastructure.postgres.database import ROW_WRITERS, Database
from repositories.checks.consistency_check import disagreements
from tests.factories import Factory, Object
from tests.servers import until

BUYERS = 12
"""More than a worker has connections for writes."""


@pytest.fixture(scope="module")
def workers(settings: Settings) -> Iterator[list[TestClient]]:
    """Yield clients of two of four workers. Their statements wait longer for locks than any test takes."""
    from main import create_fastapi_app

    patience = {"db_lock_timeout": 30, "db_statement_timeout": 30}
    patient = settings.model_copy(update={"uvicorn_workers": ROW_WRITERS, **patience})
    with ExitStack() as stack:
        yield [stack.enter_context(TestClient(create_fastapi_app(patient))) for _ in range(2)]


@pytest.fixture
def shop(workers: list[TestClient], committing_client: TestClient) -> Factory:
    return Factory(workers[0])


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2 * BUYERS) as pool:
        yield pool


@contextmanager
def locked(database: Database, product: Object) -> Iterator[None]:
    """Lock the row of a product as another transaction does."""
    with database.engine.begin() as connection:
        connection.execute(text("SELECT FROM products WHERE id_key = :key FOR UPDATE"), {"key": product["id_key"]})
        yield


def waiting_statements(database: Database) -> int:
    with database.engine.connect() as connection:
        statement = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return int(connection.scalars(text(statement)).one())


def checkout(customer: Object, *products: Object) -> Object:
    items = [{"product_id": product["id_key"], "quantity": 1} for product in products]
    return {"client_id": customer["id_key"], "delivery_method": 1, "payment_type": "cash", "items": items}


def sale(order: Object, product: Object) -> Object:
    return {"quantity": 1, "order_id": order["id_key"], "product_id": product["id_key"]}


def test_locked_product_occupies_one_connection_of_each_worker(
    workers: list[TestClient], shop: Factory, pool: ThreadPoolExecutor, committing: Database
) -> None:
    hot, other, free = (shop.product(stock=100) for _ in range(3))
    order, customer = shop.order(), shop.customer()
    bodies = [("/order_details", sale(order, hot)), ("/orders/checkout", checkout(customer, other, hot))] * BUYERS
    posts: list[Future[Any]] = []
    with locked(committing, hot):
        for worker in workers:
            posts += [pool.submit(worker.post, path, json=body) for path, body in bodies[:BUYERS]]
        until(lambda: waiting_statements(committing) == len(workers))
        for worker in workers:
            assert worker.post("/order_details", json=sale(order, free)).status_code == 201
        assert waiting_statements(committing) == len(workers)
        assert not any(post.done() for post in posts)
    assert [post.result().status_code for post in posts] == [201] * 2 * BUYERS
    assert shop.client.get(f"/products/{hot['id_key']}").json()["stock"] == 100 - 2 * BUYERS


def test_repeats_in_both_workers_wait_for_the_first_request(
    workers: list[TestClient], shop: Factory, pool: ThreadPoolExecutor, committing: Database
) -> None:
    """Let the key's first request wait for the row, its repeats in the same worker for the lock, and those in the
    other worker for the key."""
    product, order = shop.product(stock=100), shop.order()

    def post(worker: TestClient) -> Any:
        return worker.post("/order_details", json=sale(order, product), headers={"Idempotency-Key": "once"})

    with locked(committing, product):
        posts = [pool.submit(post, worker) for worker in workers * 4]
        until(lambda: waiting_statements(committing) == len(workers))
    answers = [post.result() for post in posts]
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert shop.client.get(f"/products/{product['id_key']}").json()["stock"] == 99


def test_crossing_keys_and_products_never_deadlock(
    workers: list[TestClient], shop: Factory, pool: ThreadPoolExecutor, committing: Database
) -> None:
    """Buy in all orders of the products, with keys that several requests share, also requests for other products.

    Changes of the same products run in threads meanwhile, without the locks of the workers.
    """
    chance = random.Random(1)
    products, customer = [shop.product(stock=1000) for _ in range(3)], shop.customer()
    bodies = [checkout(customer, *chance.sample(products, chance.randint(1, 3))) for _ in range(60)]

    def place(number: int, body: Object) -> Any:
        headers = {"Idempotency-Key": f"key {number % 20}"} if number % 3 else {}
        return workers[number % 2].post("/orders/checkout", json=body, headers=headers)

    def restock(number: int) -> Any:
        path = f"/products/{products[number % 3]['id_key']}"
        return workers[number % 2].patch(path, json={"name": f"Product {number}"})

    placed = [pool.submit(place, number, body) for number, body in enumerate(bodies)]
    changed = [pool.submit(restock, number) for number in range(20)]
    assert {post.result().status_code for post in placed} == {201, 422}, "422: the key belongs to another request"
    assert {change.result().status_code for change in changed} == {200}
    with committing.engine.connect() as connection:
        assert disagreements(connection) == []
