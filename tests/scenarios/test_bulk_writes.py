"""Batches and imports next to sales of the same products: nothing is oversold, and no conflict reaches a client."""

import random
from functools import partial
from typing import Any

import pytest
from fastapi.testclient import TestClient

from infrastructure.postgres.database import Database
from services.bulk import import_check
from tests.event_log import events, replay, shown
from tests.factories import Factory
from tests.scenarios.test_concurrency import assert_consistent, held_units, run_concurrently, statuses

PRODUCTS, STOCK, BUYERS, ROUNDS = 40, 12, 8, 8


@pytest.fixture
def shop(committing_client: TestClient) -> Factory:
    return Factory(committing_client)


def test_sales_next_to_bulk_writes(shop: Factory, committing: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the products in all orders. Batches and imports also exchange SKUs and create products."""
    monkeypatch.setattr(import_check, "ROWS", 10)
    client, category = shop.client, shop.category()["id_key"]
    created = [{"name": "P", "price": 5, "stock": STOCK, "category_id": category} for _ in range(PRODUCTS)]
    products = [item["id_key"] for item in client.post("/products/batch", json={"items": created}).json()["results"]]
    customer = shop.customer()["id_key"]

    def buy(seed: int) -> list[Any]:
        shuffled = random.Random(seed)
        answers = []
        for _ in range(ROUNDS):
            items = [{"product_id": product, "quantity": 1} for product in shuffled.sample(products, 10)]
            body = {"client_id": customer, "delivery_method": 1, "payment_type": "cash", "items": items}
            answers.append(client.post("/orders/checkout", json=body))
        return answers

    def change(seed: int) -> list[Any]:
        shuffled = random.Random(seed)
        answers = []
        for number in range(ROUNDS):
            items = [{"id_key": product, "price": 5 + number % 3} for product in shuffled.sample(products, PRODUCTS)]
            skus = [{"id_key": product, "sku": f"S{shuffled.randrange(30)}"} for product in products[:20]]
            new = [{"sku": f"new {shuffled.randrange(9)}".replace(" ", "-"), **created[0]} for _ in range(3)]
            answers.append(client.post("/products/batch", json={"items": [*items, *skus, *new]}))
        return answers

    def load(seed: int) -> list[Any]:
        shuffled = random.Random(seed)
        answers = []
        for number in range(ROUNDS):
            lines = [f"{product},{7 + number % 2}" for product in shuffled.sample(products, PRODUCTS)]
            table = "\n".join(["id_key,price", *lines])
            answers.append(client.post("/products/import", content=table, headers={"Content-Type": "text/csv"}))
        return answers

    callers = [partial(buy, seed) for seed in range(BUYERS)]
    callers += [partial(change, 100), partial(change, 101), partial(load, 102)]
    answers = run_concurrently(callers)
    sold = statuses(answer for group in answers[:BUYERS] for answer in group)
    assert sold.keys() == {201, 400}
    assert statuses(answer for group in answers[BUYERS:] for answer in group) == {200: 3 * ROUNDS}
    results = [item["status"] for group in answers[BUYERS:-1] for answer in group for item in answer.json()["results"]]
    assert set(results) == {200, 201, 409}
    stocks = {one["id_key"]: one["stock"] for one in client.get("/products?limit=1000").json()}
    assert [stocks[product] + held_units(client, product) for product in products] == [STOCK] * PRODUCTS
    assert_consistent(committing)
    assert replay(events(client)) == shown(client)
