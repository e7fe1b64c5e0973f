"""Fast path with a real Redis: answered requests, passed requests, and added headers."""

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from typing import Any

import orjson
import pytest

from config.redis_config import redis_client
from infrastructure.embedded.servers import ValkeyServer
from infrastructure.redis.client import RedisClient
from middleware.cached_responses import CachedResponses, entry_of
from middleware.client_ip import ClientIpResolver
from middleware.fast_path import FastPath
from middleware.rate_limiter import RateLimiter
from middleware.scope_keys import ROUTE
from services.cache_service import CacheService
from services.rendering import RenderedJson, etag_of
from tests.redis_links import address_of, running
from tests.servers import freeze, thaw

FIRST_PAGE = entry_of("/products", b"")
BODY = b'[{"id_key":1}]'
LIMIT = 5


class Response:
    def __init__(self, messages: list[Any]) -> None:
        self.status: int = messages[0]["status"]
        self.headers: dict[bytes, bytes] = dict(messages[0]["headers"])
        self.body = b"".join(message["body"] for message in messages[1:])
        assert len(messages[0]["headers"]) == len(self.headers), "a duplicate header"


class Shop:
    """Fast path in front of an application that reads one body through the cache."""

    def __init__(self, valkey: ValkeyServer, limit: int) -> None:
        self.redis = RedisClient(address_of(valkey))
        self.cache = CacheService(self.redis)
        self.calls = 0
        self.fast_path = FastPath(
            self.application,
            ClientIpResolver([ip_network("10.0.0.0/8")]),
            RateLimiter(self.redis, limit, 60),
            CachedResponses(self.cache),
        )

    async def load(self) -> RenderedJson:
        return RenderedJson(BODY, etag_of(BODY))

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1
        assert FIRST_PAGE
        rendered = await self.cache.read(FIRST_PAGE, self.load)
        headers = ((b"x-cache-hit", b"true" if rendered.hit else b"false"),)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": rendered.body})

    async def get(self, path: str = "/products", *headers: tuple[bytes, bytes], **scope: Any) -> Response:
        messages: list[Any] = []

        async def send(message: Any) -> None:
            messages.append(message)

        request = {"type": "http", "method": "GET", "path": path, "query_string": b"", "client": ("9.9.9.9", 1)}
        await self.fast_path({**request, "headers": list(headers), **scope}, None, send)  # type: ignore[arg-type] # not read
        return Response(messages)


Run = Callable[..., None]


@pytest.fixture
def run(valkey: ValkeyServer) -> Run:
    with redis_client(address_of(valkey)) as client:
        client.flushdb()

    def run_scenario(scenario: Callable[[Shop], Awaitable[None]], limit: int = LIMIT) -> None:
        async def run_with_redis() -> None:
            shop = Shop(valkey, limit)
            async with running(shop.redis):
                await scenario(shop)

        asyncio.run(run_with_redis())

    return run_scenario


def test_miss_reaches_the_application_and_hit_does_not(run: Run) -> None:
    async def scenario(shop: Shop) -> None:
        miss, hit = await shop.get(), await shop.get()
        assert shop.calls == 1
        assert (miss.status, miss.body, miss.headers[b"x-cache-hit"]) == (200, BODY, b"false")
        assert (hit.status, hit.body) == (200, BODY)
        assert hit.headers == {
            b"content-type": b"application/json",
            b"content-length": b"%d" % len(BODY),
            b"etag": etag_of(BODY).encode(),
            b"x-cache-hit": b"true",
            b"cache-control": b"public, no-cache",
            b"x-ratelimit-limit": b"5",
            b"x-ratelimit-remaining": b"3",
            b"x-ratelimit-reset": b"60",
        }
        assert miss.headers[b"x-ratelimit-remaining"] == b"4"

    run(scenario)


def test_head_fills_the_cache_and_is_answered_from_it_and_counted(run: Run) -> None:
    async def scenario(shop: Shop) -> None:
        hits = [await shop.get(method=method) for method in ("HEAD", "HEAD", "GET")]
        assert shop.calls == 1
        assert [answer.headers[b"x-cache-hit"] for answer in hits] == [b"false", b"true", b"true"]
        assert [answer.headers[b"x-ratelimit-remaining"] for answer in hits] == [b"4", b"3", b"2"]
        unchanged = await shop.get("/products", (b"if-none-match", hits[1].headers[b"etag"]), method="HEAD")
        assert (unchanged.status, shop.calls) == (304, 1)

    run(scenario)


def test_hit_sets_the_route_for_the_metrics(run: Run) -> None:
    async def scenario(shop: Shop) -> None:
        await shop.get()
        scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/products", "query_string": b""}

        async def send(message: Any) -> None: ...

        scope["headers"] = []
        await shop.fast_path(scope, None, send)  # type: ignore[arg-type] # not read
        assert scope[ROUTE] == "/products"

    run(scenario)


def test_matching_etag_is_304(run: Run) -> None:
    async def scenario(shop: Shop) -> None:
        await shop.get()
        etag = etag_of(BODY).encode()
        for known in (etag, b"*", b'"other", W/' + etag):
            answer = await shop.get("/products", (b"if-none-match", known))
            assert (answer.status, answer.body) == (304, b"")
            assert (answer.headers[b"etag"], answer.headers[b"x-cache-hit"]) == (etag, b"true")
            assert answer.headers[b"cache-control"] == b"public, no-cache"
            assert b"x-ratelimit-remaining" in answer.headers
        assert (await shop.get("/products", (b"if-none-match", b'"other"'))).status == 200

    run(scenario, 100)


def test_hits_and_misses_over_the_limit_are_429(run: Run) -> None:
    async def scenario(shop: Shop) -> None:
        answers = await asyncio.gather(*(shop.get(path) for path in ("/products", "/orders") * LIMIT))
        assert sorted(answer.status for answer in answers) == [200] * LIMIT + [429] * LIMIT
        refused = next(answer for answer in answers if answer.status == 429)
        seconds = orjson.loads(refused.body)["retry_after"]
        assert refused.headers[b"retry-after"] == refused.headers[b"x-ratelimit-reset"] == b"%d" % seconds
        assert shop.calls <= LIMIT

    run(scenario)


@pytest.mark.parametrize("path", ["/health_check", "/health_check/live", "/metrics", "/payments/webhooks/stripe"])
def test_health_metrics_and_signed_webhooks_are_not_rate_limited(run: Run, path: str) -> None:
    async def scenario(shop: Shop) -> None:
        for _ in range(2 * LIMIT):
            answer = await shop.get(path)
            assert answer.status == 200
            assert b"x-ratelimit-limit" not in answer.headers

    run(scenario)


def test_only_true_preflights_are_not_rate_limited(run: Run) -> None:
    preflight = (b"origin", b"https://shop.example"), (b"access-control-request-method", b"PUT")

    async def scenario(shop: Shop) -> None:
        for _ in range(2 * LIMIT):
            assert (await shop.get("/products", *preflight, method="OPTIONS")).status == 200
        for path, method in (("/metricsx", "GET"), ("/health_checks", "GET"), ("/products", "OPTIONS")):
            assert b"x-ratelimit-limit" in (await shop.get(path, preflight[0], method=method)).headers

    run(scenario)


@pytest.mark.parametrize("header", [(b"content-length", b"2"), (b"transfer-encoding", b"chunked")])
def test_uncacheable_requests_reach_the_application(run: Run, header: tuple[bytes, bytes]) -> None:
    async def scenario(shop: Shop) -> None:
        await shop.get()
        await shop.get("/products", header)
        await shop.get(query_string=b"limit=100&count=true")
        await shop.get("/products/" + "1" * 200)
        assert shop.calls == 4

    run(scenario, 100)


def test_address_behind_the_proxy_is_counted(run: Run) -> None:
    async def scenario(shop: Shop) -> None:
        proxy = ("10.0.0.2", 1)
        for _ in range(LIMIT):
            lines = (b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"1.1.1.1, 10.0.0.3")
            assert (await shop.get("/orders", *lines, client=proxy)).status == 200
        assert (await shop.get("/orders", (b"x-forwarded-for", b"1.1.1.1"), client=proxy)).status == 429
        assert (await shop.get("/orders", (b"x-forwarded-for", b"6.6.6.6"), client=proxy)).status == 200
        assert (await shop.get("/orders", (b"x-forwarded-for", b"8.8.8.8"), client=("1.1.1.1", 1))).status == 429
        assert (await shop.get("/orders", (b"x-real-ip", b"1.1.1.1"), client=proxy)).status == 429
        assert (await shop.get("/orders", client=None)).status == 200

    run(scenario)


def test_requests_without_redis_are_limited_by_the_worker(run: Run, valkey: ValkeyServer) -> None:
    async def scenario(shop: Shop) -> None:
        await shop.get()
        freeze(valkey)
        try:
            answers = [answer for _ in range(3) for answer in await asyncio.gather(*(shop.get() for _ in range(LIMIT)))]
            assert [answer.status for answer in answers] == [200] * LIMIT + [429] * (2 * LIMIT)
            assert {answer.body for answer in answers[:LIMIT]} == {BODY}
            assert all(b"x-ratelimit-limit" in answer.headers for answer in answers)
            assert shop.calls == LIMIT + 1
        finally:
            thaw(valkey)

    run(scenario)


def test_fast_path_without_limiter_and_cache_only_passes_on(valkey: ValkeyServer) -> None:
    async def scenario() -> None:
        shop = Shop(valkey, LIMIT)
        shop.fast_path = FastPath(shop.application, ClientIpResolver([]), None, None)
        assert (await shop.get()).headers == {b"x-cache-hit": b"false"}

    asyncio.run(scenario())
