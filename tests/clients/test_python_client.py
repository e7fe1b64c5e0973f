"""The Python client: as generated from the present document, and at work against a running service."""

import asyncio
import hashlib
import runpy
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from config.settings import Settings
from ecommerce_client import ApiError, PreconditionFailedError, async_change, async_pages, connect, expect, pages
from ecommerce_client.generated.api.categories import categories_create, categories_get, categories_list
from ecommerce_client.generated.api.products import products_get, products_list, products_update
from ecommerce_client.generated.models import CategoryCreate, CategorySchema, ProductSchema, ProductUpdate
from infrastructure.embedded.ports import LOOPBACK, free_port
from scripts.documents.client_document import client_document
from scripts.documents.postman_collection import render
from tests.factories import Factory
from tests.proxy import Proxy
from tests.servers import ROOT, served_in_thread, until

FOLDER = ROOT / "clients/python"
PRODUCTS = 5


@pytest.fixture
def make(committing_client: TestClient) -> Factory:
    return Factory(committing_client)


@pytest.fixture
def shop(make: Factory) -> list[int]:
    """Create lamps, and return their ids."""
    category = make.category()["id_key"]
    return [make.product(name=f"Lamp {number}", category_id=category)["id_key"] for number in range(PRODUCTS)]


@pytest.fixture
def port(settings: Settings) -> Iterator[int]:
    yield from serve(settings)


def serve(settings: Settings, **changed: Any) -> Iterator[int]:
    from main import create_fastapi_app

    with served_in_thread(create_fastapi_app(settings.model_copy(update={"api_port": free_port(), **changed}))) as port:
        yield port


def url(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def test_client_is_generated_from_the_present_document() -> None:
    digest = hashlib.sha256(client_document()).hexdigest()
    assert (FOLDER / "openapi.sha256").read_text().strip() == digest, "run `make clients`"


def test_collection_is_generated_from_the_present_document() -> None:
    assert (ROOT / "clients/postman.json").read_text() == render(), "run `make clients`"


def test_the_example_works(
    shop: list[int], port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["example.py", url(port)])
    runpy.run_path(str(FOLDER / "example.py"))
    assert capsys.readouterr().out == f"{len(shop)} lamps, one new category: True\n"


def test_a_lost_answer_creates_nothing_twice(make: Factory, port: int) -> None:
    with Proxy(port) as proxy, connect(url(proxy.port), timeout=2) as client, ThreadPoolExecutor(1) as thread:
        proxy.delay_seconds = 600
        creation = thread.submit(categories_create.sync_detailed, client=client, body=CategoryCreate(name="Toys"))
        until(lambda: make.client.get("/categories").json())
        proxy.delay_seconds = 0
        answer = creation.result()
    assert answer.headers["Idempotency-Replayed"] == "true"
    assert make.client.get("/categories").json() == [expect(CategorySchema, answer).to_dict()]


def test_the_client_waits_when_it_is_told_to(shop: list[int], settings: Settings) -> None:
    limits = {"rate_limit_enabled": True, "rate_limit_calls": 2, "rate_limit_period": 1}
    for port in serve(settings, **limits):
        with connect(url(port)) as client:
            found = pages(ProductSchema, products_list.sync_detailed, client=client, page_size=1)
            assert [product.id_key for product in found] == shop


def test_errors_are_exceptions(make: Factory, port: int) -> None:
    with connect(url(port)) as client:
        with pytest.raises(ApiError, match="Category with id 999 not found") as raised:
            expect(CategorySchema, categories_get.sync_detailed(999, client=client))
        assert raised.value.request_id
        with pytest.raises(ApiError, match="422"):
            list(pages(CategorySchema, categories_list.sync_detailed, client=client, q=" "))


def test_asyncio_pages_and_changes(shop: list[int], port: int) -> None:
    async def work() -> None:
        calls = products_get.asyncio_detailed, products_update.asyncio_detailed
        async with connect(url(port)) as client:
            found = [one async for one in async_pages(ProductSchema, products_list.asyncio_detailed, client=client)]
            assert [product.id_key for product in found] == shop
            changes = (
                async_change(
                    ProductSchema, *calls, shop[0], lambda now: ProductUpdate(stock=now.stock + 1), client=client
                )
                for _ in range(3)
            )
            await asyncio.gather(*changes)
            changed = expect(ProductSchema, await products_get.asyncio_detailed(shop[0], client=client))
            assert changed.stock == found[0].stock + 3

    asyncio.run(work())


def test_a_change_that_is_always_late_is_given_up(shop: list[int], port: int) -> None:
    from ecommerce_client import change

    with connect(url(port)) as client:

        def disturb(now: ProductSchema) -> ProductUpdate:
            later = ProductUpdate(stock=now.stock + 1)
            expect(ProductSchema, products_update.sync_detailed(now.id_key, client=client, body=later))
            return later

        with pytest.raises(PreconditionFailedError):
            change(
                ProductSchema,
                products_get.sync_detailed,
                products_update.sync_detailed,
                shop[0],
                disturb,
                client=client,
            )
