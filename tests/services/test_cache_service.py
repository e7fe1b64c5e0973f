"""Cache with a real server: races in a forced order, outages, and shared loads."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from config.redis_config import redis_client
from infrastructure.embedded.servers import ValkeyServer
from infrastructure.observability.metrics import metrics
from infrastructure.redis import client
from infrastructure.redis.availability.membership import LAST_DROP, ROOT_STAMP
from infrastructure.redis.client import RedisClient
from middleware.cached_responses import entry_of
from schemas.product_schema import ProductFilters
from services.cache_service import CacheService
from services.caching.entries import CachedResource, CacheEntry, CacheLookup
from services.caching.registry import PRODUCTS
from services.rendering import RenderedJson, etag_of
from tests.redis_links import address_of, becomes, running
from tests.servers import freeze, kill, thaw, valkey_server


def page(**query: object) -> CacheEntry:
    entry = PRODUCTS.page(ProductFilters.model_validate(query))
    assert entry
    return entry


FIRST_PAGE = page(limit=10)
FIVE = PRODUCTS.one(5)


class Database:
    """Database with one row; `reads` counts how often it was read."""

    def __init__(self) -> None:
        self.price = 1
        self.reads = 0

    async def load(self) -> RenderedJson:
        self.reads += 1
        body = b"%d" % self.price
        return RenderedJson(body, etag_of(body))


class GatedDatabase(Database):
    """Database that returns a row only when the test opens the gate of the read."""

    def __init__(self) -> None:
        super().__init__()
        self.gates: list[asyncio.Event] = []
        self.is_open = False

    async def load(self) -> RenderedJson:
        rendered = await super().load()
        self.gates.append(gate := asyncio.Event())
        if not self.is_open:
            await gate.wait()
        return rendered

    def open(self) -> None:
        """Open all gates, also those of later reads: a reader may be late on a busy machine."""
        self.is_open = True
        for gate in self.gates:
            gate.set()


class Workers:
    """Two workers with a Redis client each, and the database behind them."""

    def __init__(self, valkey: ValkeyServer, database: Database) -> None:
        self.database = database
        self.clients = [RedisClient(address_of(valkey)) for _ in range(2)]
        self.caches = [CacheService(redis) for redis in self.clients]

    async def read(
        self, worker: int = 0, entry: CacheEntry = FIVE, lookup: CacheLookup | None = None
    ) -> tuple[int, bool | None]:
        rendered = await self.caches[worker].read(entry, self.database.load, lookup)
        assert rendered.etag == etag_of(rendered.body)
        return int(rendered.body), rendered.hit

    async def write(self, price: int, worker: int = 0) -> None:
        self.database.price = price
        await self.caches[worker].invalidate({"products": {5}})

    async def fill(self, worker: int = 0, entry: CacheEntry = FIVE) -> None:
        """Read until the cache holds the entry."""
        while not (await self.read(worker, entry))[1]:
            pass


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with valkey_server(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def run(valkey: ValkeyServer) -> Callable[..., None]:
    """Return a function that runs a scenario with two connected workers and an empty cache."""
    with redis_client(address_of(valkey)) as client:
        client.flushdb()

    def run_scenario(scenario: Callable[[Workers], Awaitable[None]], database: Database | None = None) -> None:
        async def run_connected() -> None:
            workers = Workers(valkey, database or Database())
            async with running(*workers.clients):
                await scenario(workers)

        asyncio.run(run_connected())

    return run_scenario


Run = Callable[..., None]


@pytest.mark.parametrize("entry", [FIVE, FIRST_PAGE])
def test_second_read_is_a_hit_in_every_worker(run: Run, entry: CacheEntry) -> None:
    async def scenario(workers: Workers) -> None:
        assert await workers.read(0, entry) == (1, False)
        assert await workers.read(0, entry) == (1, True)
        assert await workers.read(1, entry) == (1, True)
        assert workers.database.reads == 1

    run(scenario)


def test_keys_and_lifetimes_match_the_documentation(run: Run, valkey: ValkeyServer) -> None:
    async def scenario(workers: Workers) -> None:
        await workers.fill(0, FIVE)
        await workers.fill(0, FIRST_PAGE)
        await workers.fill(0, CachedResource("categories", ttl_seconds=3600).one(7))

    run(scenario)
    with redis_client(address_of(valkey)) as client:
        lifetimes = {key.decode(): client.ttl(key) for key in client.keys("*")}
    assert lifetimes.pop(ROOT_STAMP) > 0
    assert lifetimes.pop(LAST_DROP) == -1
    expected = {"products:id:5": 300, "products:list:skip:0:limit:10": 300, "categories:id:7": 3600}
    expected |= {"products:id:5:token": 600, "products:list:token": 600, "categories:id:7:token": 7200}
    assert lifetimes.keys() == expected.keys()
    assert all(expected[key] - 30 <= lifetime <= expected[key] for key, lifetime in lifetimes.items())


@pytest.mark.parametrize("entry", [FIVE, FIRST_PAGE])
@pytest.mark.parametrize("writer", [0, 1])
def test_no_worker_reads_stale_data_after_a_write(run: Run, entry: CacheEntry, writer: int) -> None:
    async def scenario(workers: Workers) -> None:
        for price in range(2, 12):
            await workers.fill(0, entry)
            await workers.write(price, writer)
            assert (await workers.read(price % 2, entry))[0] == price

    run(scenario)


def test_write_keeps_other_objects_cached(run: Run) -> None:
    async def scenario(workers: Workers) -> None:
        await workers.fill(0, PRODUCTS.one(6))
        await workers.write(2)
        assert await workers.read(0, PRODUCTS.one(6)) == (1, True)

    run(scenario)


@pytest.mark.parametrize("has_stamp", [True, False])
def test_entry_of_a_slow_reader_is_never_read_after_a_write(run: Run, has_stamp: bool) -> None:
    database = GatedDatabase()

    async def scenario(workers: Workers) -> None:
        if has_stamp:
            await workers.caches[0]._make_stamps(FIVE)
        slow = asyncio.create_task(workers.read(0))
        await becomes(lambda: database.gates)
        await workers.write(2, 1)
        database.gates[0].set()
        assert await slow == (1, False)
        assert await workers.clients[0].call("GET", FIVE.key)  # the entry is stored, before this reply
        later = asyncio.create_task(workers.read(1))
        await becomes(lambda: len(database.gates) == 2)
        database.gates[1].set()
        assert await later == (2, False)
        assert await workers.read(0) == (2, True)

    run(scenario, database)


def test_readers_share_a_load_until_a_write(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TRUST_SECONDS", 60)  # readers after a pause of a busy machine share nothing
    database = GatedDatabase()

    async def scenario(workers: Workers) -> None:
        early = [asyncio.create_task(workers.read(0)) for _ in range(20)]
        await becomes(lambda: database.gates)
        early += [asyncio.create_task(workers.read(0)) for _ in range(20)]
        await workers.write(2, 1)
        late = [asyncio.create_task(workers.read(0)) for _ in range(20)]
        await becomes(lambda: len(database.gates) == 2)
        database.open()
        assert {price for price, _ in await asyncio.gather(*late)} == {2}
        await asyncio.gather(*early)
        assert database.reads == 2

    run(scenario, database)


@pytest.mark.parametrize("cancelled", [0, 1])
def test_cancelled_reader_does_not_affect_the_others(run: Run, cancelled: int) -> None:
    """Expect one more load, which the others share, if the cancelled reader was the one that loads."""
    database = GatedDatabase()

    async def scenario(workers: Workers) -> None:
        readers = [asyncio.create_task(workers.read(0)) for _ in range(4)]
        await becomes(lambda: database.gates)
        readers.pop(cancelled).cancel()
        loads = 1 if cancelled else 2
        await becomes(lambda: len(database.gates) == loads)
        database.open()
        assert [price for price, _ in await asyncio.gather(*readers)] == [1, 1, 1]
        assert database.reads == loads
        assert await workers.read(0) == (1, True)

    run(scenario, database)


def test_all_readers_may_be_cancelled(run: Run) -> None:
    database = GatedDatabase()

    async def scenario(workers: Workers) -> None:
        readers = [asyncio.create_task(workers.read(0)) for _ in range(3)]
        await becomes(lambda: database.gates)
        for reader in readers:
            reader.cancel()
        results = await asyncio.gather(*readers, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)
        later = asyncio.create_task(workers.read(0))
        await becomes(lambda: len(database.gates) == 2)
        database.open()
        assert await later == (1, False)

    run(scenario, database)


def test_load_error_reaches_all_readers_and_is_not_cached(run: Run) -> None:
    async def absent() -> RenderedJson:
        await asyncio.sleep(0.05)
        raise LookupError("absent")

    async def scenario(workers: Workers) -> None:
        results = await asyncio.gather(
            *(workers.caches[0].read(FIVE, absent) for _ in range(5)), return_exceptions=True
        )
        assert all(isinstance(result, LookupError) for result in results)
        assert await workers.read(0) == (1, False)

    run(scenario)


def test_earlier_lookup_is_reused(run: Run) -> None:
    async def scenario(workers: Workers) -> None:
        cache = workers.caches[0]
        await workers.fill()
        lookup = cache.look_up(FIVE)
        assert lookup
        assert cache.look_up(FIVE) is lookup
        await lookup.pipeline.wait()
        assert lookup.body == b"1"
        await workers.write(2)
        # For another entry the lookup does not count; for this entry it was a hit when it was sent.
        assert await workers.read(0, PRODUCTS.one(6), lookup) == (2, False)
        assert await workers.read(0, FIVE, lookup) == (1, True)
        assert await workers.read(0) == (2, False)

    run(scenario)


def test_hits_and_misses_are_counted(run: Run) -> None:
    counters = metrics._totals.counters

    async def scenario(workers: Workers) -> None:
        hits, misses = counters["cache_hits_total"], counters["cache_misses_total"]
        for _ in range(4):
            await workers.read()
        assert (counters["cache_hits_total"] - hits, counters["cache_misses_total"] - misses) == (3, 1)

    run(scenario)


def test_reads_without_redis_use_the_database() -> None:
    async def scenario() -> None:
        cache, database = CacheService(), Database()
        for _ in range(2):
            rendered = await cache.read(FIVE, database.load)
            assert (rendered.body, rendered.hit) == (b"1", False)
        await cache.invalidate({"products": {5}})
        cache.invalidate_from_thread({"products": {5}})
        assert database.reads == 2
        assert not cache.is_available

    asyncio.run(scenario())


def test_killed_and_restarted_server_serves_nothing_stale(run: Run, valkey: ValkeyServer) -> None:
    async def scenario(workers: Workers) -> None:
        for price in range(2, 5):
            await workers.fill()
            kill(valkey)
            await workers.write(price)
            assert await workers.read(0) == (price, False)
            assert await workers.read(1) == (price, False)
            valkey.start()
            await becomes(lambda: all(redis.is_up for redis in workers.clients))
            await workers.fill()
            assert await workers.read(1) == (price, True)

    run(scenario)


def test_frozen_and_resumed_server_serves_nothing_stale(run: Run, valkey: ValkeyServer) -> None:
    """Leave stamps in the frozen memory: workers that know of the outage send no more deletions."""

    async def scenario(workers: Workers) -> None:
        for price in range(2, 5):
            await workers.fill()
            freeze(valkey)
            await workers.caches[price % 2].invalidate({"products": {6}})
            await workers.write(price, price % 2)
            assert await workers.read(0) == (price, False)
            assert await workers.read(1) == (price, False)
            thaw(valkey)
            for _ in range(200):
                assert (await workers.read(0))[0] == (await workers.read(1))[0] == price
            await becomes(lambda: all(redis.is_up for redis in workers.clients))
            await workers.fill()
            assert await workers.read(1) == (price, True)

    run(scenario)


def test_workers_that_start_and_stop_leave_the_entries_valid(run: Run, valkey: ValkeyServer) -> None:
    async def scenario(workers: Workers) -> None:
        await workers.fill()
        redis = RedisClient(address_of(valkey))
        cache = CacheService(redis)
        async with running(redis):
            assert (await cache.read(FIVE, workers.database.load)).hit
        assert await workers.read() == (1, True)
        assert workers.database.reads == 1

    run(scenario)


def test_worker_that_starts_after_an_outage_trusts_no_earlier_entry(run: Run, valkey: ValkeyServer) -> None:
    """Let a worker start before the others return, after a write that could not drop its stamps."""

    async def scenario(workers: Workers) -> None:
        await workers.fill()
        freeze(valkey)
        await workers.write(2)
        await workers.clients[0].stop()
        await workers.clients[1].stop()
        redis = RedisClient(address_of(valkey))
        redis.start()
        thaw(valkey)
        await becomes(lambda: redis.is_up)
        rendered = await CacheService(redis).read(FIVE, workers.database.load)
        assert (rendered.body, rendered.hit) == (b"2", False)
        await redis.stop()

    run(scenario)


def test_stalled_worker_trusts_no_reply_before_it_has_joined_again(run: Run) -> None:
    """Distrust earlier entries: Redis may have been away meanwhile, and a writer may have skipped its drop."""

    async def scenario(workers: Workers) -> None:
        await workers.fill()
        before = workers.clients[0]._membership.confirmed_at
        workers.clients[0]._membership.confirmed_at -= 1
        assert (await workers.read(0))[1] is False
        await becomes(lambda: workers.clients[0]._membership.confirmed_at > before)
        assert await workers.read(0) == (1, True)

    run(scenario)


def test_readers_see_no_stale_data_under_a_busy_writer(run: Run) -> None:
    async def scenario(workers: Workers) -> None:
        answered = 1

        async def read(number: int) -> None:
            entry = FIVE if number % 2 else FIRST_PAGE
            while answered < 200:
                known = answered
                price, _ = await workers.read(number % 2, entry)
                assert price >= known

        readers = [asyncio.create_task(read(number)) for number in range(8)]
        for price in range(2, 201):
            await workers.write(price)
            answered = price
        await asyncio.gather(*readers)

    run(scenario)


@pytest.mark.parametrize(
    ("path", "query", "key"),
    [
        ("/products", b"", "products:list:skip:0:limit:100"),
        ("/products/", b"", "products:list:skip:0:limit:100"),
        ("/products", b"skip=0&limit=10", "products:list:skip:0:limit:10"),
        ("/products", b"skip=20&limit=1000", "products:list:skip:20:limit:1000"),
        ("/products/5", b"", "products:id:5"),
        ("/products/low_stock", b"", None),
        ("/products/05", b"", None),
        ("/products/0", b"", None),
        ("/products/5/", b"", None),
        ("/products/5", b"a=b", "products:id:5"),
        ("/products/5", b"include=timestamps", "products:id:5:timestamps"),
        ("/products/5", b"include=all", None),
        ("/products/5", b"a=b&a=c", None),
        ("/products", b"include=timestamps", "products:list:skip:0:limit:100:include:timestamps"),
        ("/products", b"archived=true", "products:list:skip:0:limit:100:archived:True"),
        ("/products", b"archived=false", "products:list:skip:0:limit:100"),
        ("/products", b"updated_since=2026-01-01", None),
        ("/products/999999999999999999", b"", "products:id:999999999999999999"),
        ("/products/1000000000000000000", b"", None),
        ("/products", b"limit=10&skip=0", "products:list:skip:0:limit:10"),
        ("/products", b"skip=00&limit=10", "products:list:skip:0:limit:10"),
        ("/products", b"limit=10&min_price=5.00", "products:list:skip:0:limit:10:min_price:5"),
        ("/products", b"in_stock=1&sort=-price", "products:list:skip:0:limit:100:in_stock:True:sort:-price"),
        ("/products", b"utm_source=mail", "products:list:skip:0:limit:100"),
        ("/products", b"limit=10&limit=20", None),
        ("/products", b"count=true", None),
        ("/products", b"after_id=5", None),
        ("/products", b"sort=color", None),
        ("/products", b"limit=\xff", None),
        ("/products", b"skip=0&limit=1001", None),
        ("/products", b"skip=0&limit=0", None),
        ("/products", b"skip=-1&limit=10", None),
        ("/products", b"skip=0&limit=10&q=a", None),
        ("/productsx", b"", None),
        ("/", b"", None),
        ("", b"", None),
    ],
)
def test_request_maps_to_its_cache_entry(path: str, query: bytes, key: str | None) -> None:
    entry = entry_of(path, query)
    assert (entry.key if entry else None) == key


def test_filters_in_the_key_have_a_fixed_order() -> None:
    one, other = page(limit=10, sort="-price", category_id=3), page(category_id=3, sort="-price", limit=10)
    assert one == other
    assert one.key == "products:list:skip:0:limit:10:category_id:3:sort:-price"
    assert one.stamp_keys == (ROOT_STAMP, "products:list:token")
