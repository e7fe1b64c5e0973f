"""Application that a test module makes itself, without settings and without fixtures."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from main import create_fastapi_app
from tests.database import empty_tables

app = create_fastapi_app()
client = TestClient(app)


@pytest.fixture(autouse=True)
def emptied_tables() -> Iterator[None]:
    yield
    empty_tables(app.state.app_context.database)


def test_create_and_read() -> None:
    category = client.post("/categories", json={"name": "Toys"})
    assert category.status_code == 201
    body = {"name": "Laptop", "price": 199.99, "stock": 5, "category_id": category.json()["id_key"]}
    product = client.post("/products", json=body)
    assert product.status_code == 201
    assert client.get(f"/products/{product.json()['id_key']}").json() == product.json()
    assert client.patch(f"/products/{product.json()['id_key']}", json={"stock": 4}).json()["stock"] == 4
    assert client.get("/products").json() == [product.json() | {"stock": 4}]


def test_health_without_lifespan() -> None:
    """Expect a working database, and Redis unused: only a started application connects to it."""
    checks = [client.get("/health_check").json() for _ in range(2)]
    assert [check["checks"]["database"]["status"] for check in checks] == ["up", "up"]
    assert [check["status"] for check in checks] == ["degraded", "degraded"]


def test_started_application_uses_redis() -> None:
    with client:
        assert client.get("/health_check").json()["status"] == "healthy"
