"""The cache against a real server: races in forced order, outages, and what readers may share."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from config.redis_config import redis_client
from infrastructure.embedded.servers import ValkeyServer
from infrastructure.observability.metrics import metrics
from infrastructure.redis.client import RedisClient
from middleware.cached_responses import entry_of
from schemas.product_schema import ProductFilters
from services.cache_service import CacheLookup, CacheService
from services.caching.keys import ROOT_STAMP, CachedResource, CacheEntry
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
    """A row that is read and written, and how often it was read."""

    def __init__(self) -> None:
        self.price = 1
        self.reads = 0

    async def load(self) -> RenderedJson:
        self.reads += 1
        body = b"%d" % self.price
        return RenderedJson(body, etag_of(body))


class GatedDatabase(Database):
    """Hands out what it has read only when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.gates: list[asyncio.Event] = []

    async def load(self) -> RenderedJson:
        document = await super().load()
        self.gates.append(gate := asyncio.Event())
        await gate.wait()
        return document


class Workers:
    """Two workers with a link each, and the database behind them."""

    def __init__(self, valkey: ValkeyServer, database: Database) -> None:
        self.database = database
        self.links = [RedisClient(address_of(valkey)) for _ in range(2)]
        self.caches = [CacheService(link) for link in self.links]

    async def read(
        self, worker: int = 0, entry: CacheEntry = FIVE, lookup: CacheLookup | None = None
    ) -> tuple[int, bool | None]:
        document = await self.caches[worker].read(entry, self.database.load, lookup)
        assert document.etag == etag_of(document.body)
        return int(document.body), document.hit

    async def write(self, price: int, worker: int = 0) -> None:
        self.database.price = price
        await self.caches[worker].drop(PRODUCTS.stamp_keys([5]))

    async def filled(self, worker: int = 0, entry: CacheEntry = FIVE) -> None:
        """The cache has what the database has."""
        while not (await self.read(worker, entry))[1]:
            pass


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with valkey_server(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def run(valkey: ValkeyServer) -> Callable[..., None]:
    """Runs a scenario with two workers whose links are up and whose cache is empty."""
    with redis_client(address_of(valkey)) as client:
        client.flushdb()

    def run_scenario(scenario: Callable[[Workers], Awaitable[None]], database: Database | None = None) -> None:
        async def whole() -> None:
            workers = Workers(valkey, database or Database())
            async with running(*workers.links):
                await scenario(workers)

        asyncio.run(whole())

    return run_scenario


Run = Callable[..., None]


@pytest.mark.parametrize("entry", [FIVE, FIRST_PAGE])
def test_a_second_read_is_a_hit_in_every_worker(run: Run, entry: CacheEntry) -> None:
    async def scenario(workers: Workers) -> None:
        assert await workers.read(0, entry) == (1, False)
        assert await workers.read(0, entry) == (1, True)
        assert await workers.read(1, entry) == (1, True)
        assert workers.database.reads == 1

    run(scenario)


def test_keys_and_their_lives_are_as_documented(run: Run, valkey: ValkeyServer) -> None:
    async def scenario(workers: Workers) -> None:
        await workers.filled(0, FIVE)
        await workers.filled(0, FIRST_PAGE)
        await workers.filled(0, CachedResource("categories", ttl_seconds=3600).one(7))

    run(scenario)
    with redis_client(address_of(valkey)) as client:
        lives = {key.decode(): client.ttl(key) for key in client.keys("*")}
    assert lives.pop(ROOT_STAMP) > 0
    expected = {"products:id:5": 300, "products:list:skip:0:limit:10": 300, "categories:id:7": 3600}
    expected |= {"products:id:5:token": 600, "products:list:token": 600, "categories:id:7:token": 7200}
    assert lives.keys() == expected.keys()
    assert all(expected[key] - 30 <= life <= expected[key] for key, life in lives.items())


@pytest.mark.parametrize("entry", [FIVE, FIRST_PAGE])
@pytest.mark.parametrize("writer", [0, 1])
def test_after_a_write_no_worker_reads_what_was_before(run: Run, entry: CacheEntry, writer: int) -> None:
    async def scenario(workers: Workers) -> None:
        for price in range(2, 12):
            await workers.filled(0, entry)
            await workers.write(price, writer)
            assert (await workers.read(price % 2, entry))[0] == price

    run(scenario)


def test_a_write_leaves_other_objects_cached(run: Run) -> None:
    async def scenario(workers: Workers) -> None:
        await workers.filled(0, PRODUCTS.one(6))
        await workers.write(2)
        assert await workers.read(0, PRODUCTS.one(6)) == (1, True)

    run(scenario)


@pytest.mark.parametrize("is_token_there", [True, False])
def test_what_a_slow_reader_stores_after_a_write_is_never_read(run: Run, is_token_there: bool) -> None:
    database = GatedDatabase()

    async def scenario(workers: Workers) -> None:
        if is_token_there:
            await workers.caches[0]._make_stamps(FIVE)
        slow = asyncio.create_task(workers.read(0))
        await becomes(lambda: database.gates)
        await workers.write(2, 1)
        database.gates[0].set()
        assert await slow == (1, False)
        assert await workers.links[0].call("GET", FIVE.key)  # stored it is, behind all that was sent before
        later = asyncio.create_task(workers.read(1))
        await becomes(lambda: len(database.gates) == 2)
        database.gates[1].set()
        assert await later == (2, False)
        assert await workers.read(0) == (2, True)

    run(scenario, database)


def test_readers_share_a_query_until_a_write_comes_between(run: Run) -> None:
    database = GatedDatabase()

    async def scenario(workers: Workers) -> None:
        early = [asyncio.create_task(workers.read(0)) for _ in range(20)]
        await becomes(lambda: database.gates)
        early += [asyncio.create_task(workers.read(0)) for _ in range(20)]
        await workers.write(2, 1)
        late = [asyncio.create_task(workers.read(0)) for _ in range(20)]
        await becomes(lambda: len(database.gates) == 2)
        for gate in database.gates:
            gate.set()
        assert {price for price, _ in await asyncio.gather(*late)} == {2}
        await asyncio.gather(*early)
        assert database.reads == 2

    run(scenario, database)


def test_a_reader_that_goes_away_takes_nothing_from_the_others(run: Run) -> None:
    database = GatedDatabase()

    async def scenario(workers: Workers) -> None:
        readers = [asyncio.create_task(workers.read(0)) for _ in range(3)]
        await becomes(lambda: database.gates)
        readers[0].cancel()
        database.gates[0].set()
        assert [price for price, _ in await asyncio.gather(*readers[1:])] == [1, 1]
        assert database.reads == 1

    run(scenario, database)


def test_an_error_reaches_all_who_wait_and_is_not_kept(run: Run) -> None:
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


def test_what_was_looked_up_before_is_not_asked_for_again(run: Run) -> None:
    async def scenario(workers: Workers) -> None:
        cache = workers.caches[0]
        await workers.filled()
        lookup = cache.look_up(FIVE)
        assert lookup
        assert cache.look_up(FIVE) is lookup
        await lookup.pipeline.wait()
        assert lookup.body == b"1"
        await workers.write(2)
        # Of another entry it is no answer, and of this one it was a hit when it was asked for.
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


def test_without_redis_all_is_read_from_the_database() -> None:
    async def scenario() -> None:
        cache, database = CacheService(), Database()
        for _ in range(2):
            document = await cache.read(FIVE, database.load)
            assert (document.body, document.hit) == (b"1", False)
        await cache.drop(PRODUCTS.stamp_keys([5]))
        cache.invalidate_from_thread({"products": {5}})
        assert database.reads == 2
        assert not cache.is_available

    asyncio.run(scenario())


def test_a_server_that_is_killed_and_restarted_serves_nothing_old(run: Run, valkey: ValkeyServer) -> None:
    async def scenario(workers: Workers) -> None:
        for price in range(2, 5):
            await workers.filled()
            kill(valkey)
            await workers.write(price)
            assert await workers.read(0) == (price, False)
            assert await workers.read(1) == (price, False)
            valkey.start()
            await becomes(lambda: all(link.is_up for link in workers.links))
            await workers.filled()
            assert await workers.read(1) == (price, True)

    run(scenario)


def test_a_server_that_is_frozen_and_goes_on_serves_nothing_old(run: Run, valkey: ValkeyServer) -> None:
    """Its memory still has what a writer could not drop: when all know that it is away, nothing is sent any more."""

    async def scenario(workers: Workers) -> None:
        for price in range(2, 5):
            await workers.filled()
            freeze(valkey)
            await workers.caches[price % 2].drop(PRODUCTS.stamp_keys([6]))
            await workers.write(price, price % 2)
            assert await workers.read(0) == (price, False)
            assert await workers.read(1) == (price, False)
            thaw(valkey)
            for _ in range(200):
                assert (await workers.read(0))[0] == (await workers.read(1))[0] == price
            await becomes(lambda: all(link.is_up for link in workers.links))
            await workers.filled()
            assert await workers.read(1) == (price, True)

    run(scenario)


def test_a_worker_that_starts_trusts_nothing_from_before(run: Run, valkey: ValkeyServer) -> None:
    """Another may have been killed between its commit and its drop."""

    async def scenario(workers: Workers) -> None:
        await workers.filled()
        workers.database.price = 2
        link = RedisClient(address_of(valkey))
        cache = CacheService(link)
        async with running(link):
            document = await cache.read(FIVE, workers.database.load)
            assert (document.body, document.hit) == (b"2", False)

    run(scenario)


def test_a_worker_that_stood_still_trusts_nothing_from_before(run: Run, valkey: ValkeyServer) -> None:
    """Redis may have been away meanwhile, and a writer may have answered without its drop."""

    async def scenario(workers: Workers) -> None:
        await workers.filled()
        with redis_client(address_of(valkey)) as client:
            before = client.get(ROOT_STAMP)
            workers.links[0]._alive_at -= 1
            assert (await workers.read(0))[1] is False
            await becomes(lambda: client.get(ROOT_STAMP) != before)

    run(scenario)


def test_a_busy_writer_and_many_readers_never_see_the_past(run: Run) -> None:
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
        ("/products/5", b"a=b", None),
        ("/products/99999999999", b"", None),
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
def test_a_request_matches_the_entry_that_is_its_whole_answer(path: str, query: bytes, key: str | None) -> None:
    entry = entry_of(path, query)
    assert (entry.key if entry else None) == key


def test_filters_stand_in_the_key_in_one_order() -> None:
    one, other = page(limit=10, sort="-price", category_id=3), page(category_id=3, sort="-price", limit=10)
    assert one == other
    assert one.key == "products:list:skip:0:limit:10:category_id:3:sort:-price"
    assert one.stamp_keys == (ROOT_STAMP, "products:list:token")
