"""Keys beyond 32 bits, up to the last one of the column."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection, text

import models
from config.database import base
from models.events.event import QueuedEventModel
from repositories.product_repository import ProductRepository
from schemas.product_schema import ProductFilters
from tests.database import analyze, as_owner, executed_plan, nodes
from tests.entities import TARGETS, Entity, every_entity
from tests.factories import Factory

FIRST = 2**63 - 1000


@pytest.fixture(autouse=True)
def database(app: FastAPI, client: TestClient) -> Connection:
    """Let every table of the test's transaction make large keys."""
    assert models.__all__
    connection: Connection = app.state.app_context.database.connection
    with as_owner(connection):
        for table in base.metadata.sorted_tables:
            is_shown = table.name != QueuedEventModel.__tablename__
            is_partitioned = table.dialect_options["postgresql"]["partition_by"]  # the keys have to have a partition
            if is_shown and not is_partitioned and "id_key" in table.columns and table.columns["id_key"].identity:
                connection.execute(text(f"ALTER TABLE {table.name} ALTER id_key RESTART WITH {FIRST}"))
    return connection


@every_entity
def test_objects_with_large_keys(client: TestClient, make: Factory, entity: Entity) -> None:
    made = [entity.make(make) for _ in range(3)]  # each with references of its own
    assert made[0]["id_key"] >= FIRST
    path = f"{entity.path}/{made[1]['id_key']}"
    assert client.get(path).json() == made[1]
    assert client.get(entity.path, params={"after_id": made[0]["id_key"]}).json() == made[1:]
    for name in entity.references:
        other = TARGETS[name][2](make)["id_key"]
        moved = client.patch(path, json={name: other})
        assert (moved.status_code, moved.json()[name]) == (200, other), moved.text
        assert client.get(entity.path, params={name: other}).json() == [moved.json()]
    body = entity.body(make, **{name: made[0][name] for name in entity.references})
    first, repeat = (client.post(entity.path, json=body, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.status_code == 201, first.text
    assert (repeat.content, repeat.headers["Location"]) == (first.content, first.headers["Location"])
    assert client.delete(path).status_code == 204


def test_orders_with_large_keys(client: TestClient, make: Factory) -> None:
    customer, product = make.customer()["id_key"], make.product(stock=5)["id_key"]
    body: dict[str, Any] = {"client_id": customer, "delivery_method": 1, "payment_type": "cash"}
    placed = client.post("/orders/checkout", json={**body, "items": [{"product_id": product, "quantity": 2}]}).json()
    order = placed["order"]["id_key"]
    assert order >= FIRST
    assert placed["order_details"][0]["product_id"] == product
    assert len(client.get(f"/orders/{order}/history").json()) == 1
    assert client.get(f"/clients/{customer}/summary").json()["orders_count"] == 1
    assert client.patch(f"/orders/{order}", json={"status": 4}).status_code == 200
    assert client.get(f"/products/{product}").json()["stock"] == 5


def test_search_uses_its_index_for_keys_of_any_size(database: Connection) -> None:
    """A GIN index compares its 64-bit columns with 64-bit numbers only."""
    database.execute(text(f"""
        INSERT INTO categories (id_key, name) SELECT n, n FROM generate_series(1, 10) AS n;
        INSERT INTO products (id_key, name, price, category_id)
            SELECT CASE WHEN mod(n, 2) = 0 THEN n ELSE {FIRST - 10_000} + n END, 'Ukulele ' || n, 1, mod(n, 10) + 1
            FROM generate_series(1, 5000) AS n;
        {analyze("products")}
        SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off
        """))
    for query in (
        ProductFilters(q="lele 21", category_id=2, sort="name"),
        ProductFilters(q="lele 21", category_id=2, after_id=1, sort="id_key"),
    ):
        plan = executed_plan(database, ProductRepository.page(query, ("id_key", "name")))
        conditions = [node["Index Cond"] for node in nodes(plan) if node.get("Index Name", "").endswith("_words")]
        assert conditions, query
        assert all("category_id" in condition for condition in conditions)
