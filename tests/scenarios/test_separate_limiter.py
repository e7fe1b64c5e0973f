"""A limiter with a Redis of its own: either of the two servers may end without harm to the other's work."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from config.redis_config import redis_client
from config.settings import Settings
from infrastructure.embedded.servers import ValkeyServer
from main import create_fastapi_app
from tests.redis_links import address_of
from tests.servers import kill, until

LIMIT = 3


@pytest.fixture
def client(settings: Settings, valkey: ValkeyServer) -> Iterator[TestClient]:
    changes = {
        "rate_limit_enabled": True,
        "rate_limit_calls": LIMIT,
        "rate_limit_redis_url": SecretStr(f"redis://:{valkey.password}@127.0.0.1:{valkey.port}"),
        "uvicorn_workers": 1,
        "redis_prefix": "separate",
    }
    app = create_fastapi_app(settings.model_copy(update=changes))
    with TestClient(app, client=("127.0.0.1", 50000)) as client:  # a trusted proxy
        yield client


def statuses(client: TestClient, address: str) -> list[int]:
    headers = {"X-Forwarded-For": address}
    return [client.get("/categories", headers=headers).status_code for _ in range(LIMIT + 1)]


def test_the_limiter_counts_on_its_own_server(client: TestClient, settings: Settings, valkey: ValkeyServer) -> None:
    health = client.get("/health_check").json()
    assert health["status"] == "healthy"
    assert health["checks"]["limiter"] == health["checks"]["redis"] == {"status": "up"}
    assert statuses(client, "198.51.100.1") == [200] * LIMIT + [429]
    cache = settings.redis_address()
    assert cache
    with redis_client(address_of(valkey)) as limits, redis_client(cache) as responses:
        assert limits.keys("separate:rate_limit:*") == [b"separate:rate_limit:{198.51.100.1}"]
        assert not responses.keys("separate:rate_limit:*")
        assert responses.keys("separate:categories:*")
        assert not limits.keys("separate:categories:*")


def test_the_cache_works_without_the_server_of_the_limiter(client: TestClient, valkey: ValkeyServer) -> None:
    kill(valkey)
    until(lambda: client.get("/health_check").json()["status"] == "degraded")
    checks = client.get("/health_check").json()["checks"]
    assert (checks["redis"], checks["limiter"]) == ({"status": "up"}, {"status": "down"})
    assert statuses(client, "198.51.100.2") == [200] * LIMIT + [429], "this worker counts alone"
    response = client.get("/categories", headers={"X-Forwarded-For": "198.51.100.3"})
    assert response.headers["X-Cache-Hit"] == "true"
    valkey.start()
    until(lambda: client.get("/health_check").json()["status"] == "healthy")
