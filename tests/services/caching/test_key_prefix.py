"""Prefix of the keys in Redis: the same for all workers of a database, and another for each database."""

import asyncio
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from config.redis_config import redis_client
from config.settings import Settings
from infrastructure.postgres.database import Database
from infrastructure.redis.key_prefix import PrefixUnknownError
from main import create_fastapi_app
from migrations.runner import migrate
from services.caching.key_prefix import find_key_prefix
from tests.migrations.test_migrations import new_database
from tests.servers import until


@pytest.fixture
def other(settings: Settings) -> Iterator[Settings]:
    """Create a second shop on the same servers."""
    with new_database(settings, "other_shop") as (there, _):
        migrate(there)
        yield there.model_copy(update={"redis_prefix": None, "rate_limit_enabled": True})


def prefix_of(settings: Settings) -> str:
    async def find() -> str:
        database = Database(settings)
        try:
            return await find_key_prefix(settings, database)
        finally:
            database.close()

    return asyncio.run(find())


def test_shops_on_one_redis_are_apart(settings: Settings, other: Settings) -> None:
    one = settings.model_copy(update={"redis_prefix": None, "rate_limit_enabled": True})
    prefixes = prefix_of(one), prefix_of(other)
    assert len(set(prefixes)) == 2
    assert prefix_of(one) == prefixes[0], "each worker derives the same"
    address = settings.redis_address()
    assert address
    with redis_client(address) as server:
        server.flushdb()
        with TestClient(create_fastapi_app(one)) as first, TestClient(create_fastapi_app(other)) as second:
            for client in (first, second):
                until(lambda client=client: client.get("/categories").headers["X-Cache-Hit"] == "true")  # type: ignore[misc] # mypy infers no default
            second.post("/categories", json={"name": "Only here"})
            assert first.get("/categories").headers["X-Cache-Hit"] == "true", "the write of another shop drops nothing"
            until(lambda: second.get("/categories").headers["X-Cache-Hit"] == "true")
            assert [category["name"] for category in second.get("/categories").json()] == ["Only here"]
            assert "Only here" not in first.get("/categories").text
            keys = {key.decode() for key in server.keys("*")}
        assert {key[: len(prefixes[0])] for key in keys} == set(prefixes)
        server.flushdb()


def test_a_given_prefix_counts_first(settings: Settings) -> None:
    assert prefix_of(settings.model_copy(update={"redis_prefix": "eu.shop"})) == "eu.shop:"


def test_without_postgresql_there_is_no_prefix(settings: Settings) -> None:
    away = settings.model_copy(update={"postgres_port": 1, "redis_prefix": None})
    with pytest.raises(PrefixUnknownError, match="PostgreSQL has to tell the prefix of the keys first"):
        prefix_of(away)
