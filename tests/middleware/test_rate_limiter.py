"""Rate limiter with a real server: exact over two clients, sliding, bounded, and without effect during an outage."""

import asyncio
import json
from time import monotonic

import pytest

from config.redis_config import redis_client
from infrastructure.embedded.servers import ValkeyServer
from infrastructure.observability.metrics import metrics
from infrastructure.redis.client import RedisClient
from middleware.limits import local_window
from middleware.limits.local_window import LocalWindow
from middleware.rate_limiter import Batch, RateLimiter
from tests.redis_links import address_of, becomes, running
from tests.servers import freeze, kill, thaw


@pytest.fixture
def redis(valkey: ValkeyServer) -> RedisClient:
    with redis_client(address_of(valkey)) as client:
        client.flushdb()
    return RedisClient(address_of(valkey))


async def enter(limiter: RateLimiter, address: str = "client") -> tuple[Batch, int]:
    batch, place = limiter.enter(address)
    while not batch.pipeline.is_done:
        await batch.pipeline.wait()
    return batch, place


async def is_admitted(limiter: RateLimiter, address: str = "client") -> bool:
    batch, place = await enter(limiter, address)
    return place < batch.admitted


def remaining(batch: Batch, place: int) -> int:
    return int(dict(batch.headers(place))[b"x-ratelimit-remaining"])


def test_concurrent_requests_over_two_clients_are_limited_exactly(valkey: ValkeyServer, redis: RedisClient) -> None:
    other = RedisClient(address_of(valkey))
    limiters = RateLimiter(redis, 100, 60), RateLimiter(other, 100, 60)

    async def one(number: int) -> bool:
        for _ in range(number % 7):  # spread over several ticks
            await asyncio.sleep(0)
        return await is_admitted(limiters[number % 2])

    async def scenario() -> None:
        async with running(redis, other):
            assert sum(await asyncio.gather(*map(one, range(400)))) == 100
            assert not await is_admitted(limiters[0])

    asyncio.run(scenario())


def test_requests_of_one_tick_share_a_command_in_order(redis: RedisClient) -> None:
    limiter = RateLimiter(redis, 5, 60)

    async def scenario() -> None:
        async with running(redis):
            tickets = await asyncio.gather(*(enter(limiter) for _ in range(8)))
            assert len({batch for batch, _ in tickets}) == 1
            assert [place < batch.admitted for batch, place in tickets] == [True] * 5 + [False] * 3
            assert [remaining(batch, place) for batch, place in tickets[:5]] == [4, 3, 2, 1, 0]

    asyncio.run(scenario())


def test_addresses_are_counted_separately(redis: RedisClient) -> None:
    limiter = RateLimiter(redis, 2, 60)

    async def scenario() -> None:
        async with running(redis):
            admitted = await asyncio.gather(*(is_admitted(limiter, name) for name in "abcabcabc"))
            assert admitted == [True] * 6 + [False] * 3

    asyncio.run(scenario())


def test_sliding_window_never_exceeds_the_limit(redis: RedisClient) -> None:
    """Send requests for three periods; each is admitted at some moment between its sending and its reply.

    Refused requests do not count, so the limit is reached again in each period.
    """
    calls, period = 10, 2
    limiter = RateLimiter(redis, calls, period)
    sent: list[float] = []
    answered: list[float] = []

    async def scenario() -> None:
        async with running(redis):
            end = monotonic() + 3 * period
            while monotonic() < end:
                before = monotonic()
                tickets = await asyncio.gather(*(enter(limiter) for _ in range(3)))
                for batch, place in tickets:
                    if place < batch.admitted:
                        sent.append(before)
                        answered.append(monotonic())
                await asyncio.sleep(0.01)

    asyncio.run(scenario())
    assert len(sent) > 2 * calls
    assert all(answered[i + calls] - sent[i] > period for i in range(len(sent) - calls))


def test_reset_is_the_end_of_the_oldest_request(redis: RedisClient) -> None:
    limiter = RateLimiter(redis, 2, 2)

    async def scenario() -> None:
        async with running(redis):
            batch, place = await enter(limiter)
            assert batch.headers(place) == [
                (b"x-ratelimit-limit", b"2"),
                (b"x-ratelimit-remaining", b"1"),
                (b"x-ratelimit-reset", b"2"),
            ]
            await enter(limiter)
            batch, place = await enter(limiter)
            while place >= batch.admitted:
                assert dict(batch.headers(place))[b"x-ratelimit-reset"] in (b"1", b"2")
                await asyncio.sleep(0.05)
                batch, place = await enter(limiter)
            assert remaining(batch, place) in (0, 1)

    asyncio.run(scenario())


def test_refusal_contains_retry_after(redis: RedisClient) -> None:
    limiter = RateLimiter(redis, 1, 60)

    async def scenario() -> None:
        async with running(redis):
            await enter(limiter)
            batch, place = await enter(limiter)
            assert place >= batch.admitted
            headers, body = batch.refusal()
            seconds = json.loads(body)["retry_after"]
            assert seconds in (59, 60)
            assert json.loads(body) == {
                "detail": "Rate limit exceeded. Maximum 1 requests per 60 seconds.",
                "retry_after": seconds,
            }
            assert dict(headers) == {
                b"x-ratelimit-limit": b"1",
                b"x-ratelimit-remaining": b"0",
                b"x-ratelimit-reset": b"%d" % seconds,
                b"retry-after": b"%d" % seconds,
                b"content-type": b"application/json",
                b"content-length": b"%d" % len(body),
            }

    asyncio.run(scenario())


def test_huge_limit_uses_little_memory(valkey: ValkeyServer, redis: RedisClient) -> None:
    limiter = RateLimiter(redis, 1_000_000_000, 10)

    async def scenario() -> None:
        async with running(redis):
            for count in range(1, 1001):
                batch, place = await enter(limiter)
                assert remaining(batch, place) == 1_000_000_000 - count

    asyncio.run(scenario())
    with redis_client(address_of(valkey)) as client:
        [key] = client.keys("rate_limit:*")
        assert client.llen(key) < 1000
        assert 0 < client.pttl(key) <= 10_001


def test_limit_is_exact_after_a_script_flush(valkey: ValkeyServer, redis: RedisClient) -> None:
    limiter = RateLimiter(redis, 10, 60)

    async def scenario() -> None:
        async with running(redis):
            with redis_client(address_of(valkey)) as client:
                client.script_flush()
            admitted = await asyncio.gather(*(is_admitted(limiter) for _ in range(15)))
            assert admitted == [True] * 10 + [False] * 5
            assert not await is_admitted(limiter)

    asyncio.run(scenario())


def test_each_worker_limits_its_share_without_redis(valkey: ValkeyServer, redis: RedisClient) -> None:
    limiter = RateLimiter(redis, 8, 60, workers=4)

    def unavailable() -> float:
        return metrics._totals.counters["rate_limit_unavailable_total"]

    async def scenario() -> None:
        async with running(redis):
            before = unavailable()
            freeze(valkey)
            tickets = await asyncio.gather(*(enter(limiter) for _ in range(5)))
            assert [place < batch.admitted for batch, place in tickets] == [True] * 2 + [False] * 3
            assert [remaining(batch, place) for batch, place in tickets[:2]] == [1, 0]
            assert unavailable() == before + 2
            assert not await is_admitted(limiter)
            kill(valkey)
            assert [await is_admitted(limiter, "other") for _ in range(3)] == [True, True, False]
            batch, _ = await enter(limiter)
            headers, body = batch.refusal()
            assert json.loads(body)["retry_after"] in (59, 60)
            assert dict(headers)[b"x-ratelimit-limit"] == b"8"
            valkey.start()
            await becomes(lambda: redis.is_up)
            assert [await is_admitted(limiter) for _ in range(7)] == [True] * 6 + [False], "two were admitted before"
            assert [await is_admitted(limiter, "third") for _ in range(9)] == [True] * 8 + [False]

    try:
        asyncio.run(scenario())
    finally:
        thaw(valkey)


def test_disabled_redis_leaves_the_local_limit() -> None:
    async def scenario() -> list[bool]:
        limiter = RateLimiter(None, 3, 60)
        return [await is_admitted(limiter) for _ in range(5)]

    assert asyncio.run(scenario()) == [True] * 3 + [False] * 2


@pytest.mark.parametrize(("calls", "period"), [(5, 10), (3000, 10)])
def test_local_window_slides_and_never_exceeds_the_limit(calls: int, period: int) -> None:
    now, admitted = 1000.0, list[float]()
    window = LocalWindow(calls, period, lambda: now)
    for step in range(20 * calls):
        now += period / calls / 3
        count, following, wait = window.admit("a", 1 + step % 3)
        admitted += [now] * count
        assert 0 <= following < calls
        assert 0 < wait <= period
    assert len(admitted) > 6 * calls
    assert all(admitted[i + calls] - admitted[i] >= period * 0.999 for i in range(len(admitted) - calls))


def test_local_window_bounds_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_window, "MAX_ADDRESSES", 10)
    window = LocalWindow(1_000_000, 60)
    for number in range(100):
        window.admit(f"address {number % 20}", 1000)
    assert len(window._admitted) == 10
    assert [window.take("address 19") for _ in range(2)] == [1000, 0], "forgotten and seen again"
