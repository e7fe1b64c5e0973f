"""Read replicas on real standbys: when they are used, and for which positions."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.settings import Settings
from infrastructure.embedded.servers import PostgresServer
from infrastructure.postgres.database import Database
from infrastructure.postgres.replication.position import Position, PrimaryHistory, current_position
from infrastructure.postgres.replication.replica import FAILURES, Replica
from migrations.runner import migrate
from tests.proxy import Proxy
from tests.redis_links import becomes
from tests.replication import Standby, run, standby_of
from tests.servers import address, freeze, kill, postgres_server, restore, thaw

WRITE = "INSERT INTO categories (name) VALUES (%(name)s)"
COUNT = "SELECT count(*) FROM categories"


@dataclass
class Site:
    """A primary and two standbys. The service reaches the second one by `path`."""

    primary: PostgresServer
    standbys: list[Standby]
    path: Proxy
    settings: Settings

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """Yield a database whose checks run."""
        database = Database(self.settings)
        checks = asyncio.create_task(database.replicas.keep_checking())
        try:
            yield database
        finally:
            checks.cancel()
            await asyncio.gather(checks, return_exceptions=True)
            database.close()


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        primary = stack.enter_context(postgres_server(folder / "primary"))
        values = {name.lower(): value for name, value in address(primary).items()}
        migrate(Settings(**values))  # type: ignore[arg-type] # pydantic converts them
        standbys = [stack.enter_context(standby_of(primary, folder / f"standby{number}")) for number in range(2)]
        path = stack.enter_context(Proxy(standbys[1].port))
        urls = f"postgresql://127.0.0.1:{standbys[0].port}, postgresql://127.0.0.1:{path.port}"
        settings = Settings(**values, database_replica_urls=urls, db_replica_max_lag=4)  # type: ignore[arg-type]
        yield Site(primary, standbys, path, settings)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("replicas")) as site:
        yield site


@pytest.fixture
def site(shared: Site) -> Iterator[Site]:
    """Yield a site without rows, and restore it afterwards: no test promotes a server."""
    run(shared.primary, "TRUNCATE categories CASCADE")
    for standby in shared.standbys:
        standby.catch_up()
    yield shared
    shared.path.lead_to(shared.standbys[1].port)
    for standby in shared.standbys:
        restore(standby)
        standby.resume()


async def write(database: Database, name: str) -> Position:
    """Write a row, and return a position that contains it."""
    await database.writes.write(WRITE, {"name": name})
    return await current_position(database.reads)


async def count(replica: Replica) -> int:
    [(rows,)] = await replica.reads.fetch(COUNT, {})
    return int(rows)


async def all_used(database: Database) -> None:
    await becomes(lambda: all(replica.is_used for replica in database.replicas))


def test_a_replica_is_found_once_it_has_replayed_the_position(site: Site) -> None:
    async def test() -> None:
        async with site.database() as database:
            assert database.replicas.find(await current_position(database.reads)) is None, "before the first check"
            await all_used(database)
            site.standbys[0].pause()
            position = await write(database, "first")
            await becomes(lambda: database.replicas.find(position))
            first, second = database.replicas
            found = {database.replicas.find(position) for _ in range(4)}
            assert found == {second}
            assert (await count(first), await count(second)) == (0, 1)
            site.standbys[0].resume()
            await becomes(lambda: {database.replicas.find(position) for _ in range(4)} == {first, second})
            assert await count(first) == 1
            assert not first.has_replayed(position._replace(identity=f"{position.identity}0"))

    asyncio.run(test())


def test_lagging_dead_and_frozen_replicas_leave_and_return(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    async def leaves_and_returns(database: Database, replica: Replica, reason: str) -> None:
        await becomes(lambda: not replica.is_used)
        assert reason in caplog.text

    async def test() -> None:
        async with site.database() as database:
            await all_used(database)
            first, second = database.replicas
            standby = site.standbys[0]
            standby.pause()
            await write(database, "unseen")
            await leaves_and_returns(database, first, "s behind the primary")
            assert second.is_used
            assert 4 < database.replicas.usage()[first.name][1] < 60
            standby.resume()
            await all_used(database)
            kill(standby)
            await leaves_and_returns(database, first, "Connection refused")
            standby.start()
            await all_used(database)
            reading = asyncio.create_task(first.reads.fetch("SELECT pg_sleep(60)", {}))
            await becomes(lambda: first.reads.usage()[0] == 1)
            freeze(standby)
            await leaves_and_returns(database, first, "no answer from the server")
            with pytest.raises(FAILURES):
                await reading
            thaw(standby)
            await all_used(database)
            assert await count(first) == 1
        assert caplog.text.count(f"the replica {first.name} is not used") == 3
        assert "the database is unavailable" not in caplog.text, "an outage of a replica is none of the database"

    with caplog.at_level("INFO"):
        asyncio.run(test())


def test_promoted_replicas_and_histories(tmp_path: Path) -> None:
    """Promote one standby of two; then the other one, after the primary has lost its latest writes with its death."""
    with running_site(tmp_path) as site, standby_of(site.primary, tmp_path / "successor") as successor:
        asyncio.run(promoted_replica_leaves_and_its_successor_is_used(site, successor))
        asyncio.run(standby_with_the_history_of_the_former_primary_is_not_used(site, successor))


async def promoted_replica_leaves_and_its_successor_is_used(site: Site, successor: Standby) -> None:
    async with site.database() as database:
        await all_used(database)
        _, second = database.replicas
        assert await count(second) == 0
        site.standbys[1].promote()
        await becomes(lambda: not second.is_used)
        run(site.standbys[1], "INSERT INTO categories (name) VALUES ('of the promoted one')")
        with pytest.raises(FAILURES):
            await count(second)
        site.path.lead_to(successor.port)
        await all_used(database)
        assert await count(second) == 0


async def standby_with_the_history_of_the_former_primary_is_not_used(site: Site, ahead: Standby) -> None:
    """Promote a standby that has lost writes which the other one has, so that their positions are not comparable."""
    promoted = site.standbys[0]
    async with site.database() as database:
        await all_used(database)
        promoted.disconnect()
        for number in range(50):
            await write(database, f"lost {number}")
        ahead.catch_up()
    kill(site.primary)
    promoted.promote()
    site.settings = site.settings.model_copy(update={"postgres_port": promoted.port})
    async with site.database() as database:
        position = await write(database, "kept")
        assert int(run(ahead, "SELECT pg_last_wal_replay_lsn() - '0/0'")) > position.lsn, "ahead in another history"
        await becomes(lambda: all(replica.is_used is False for replica in database.replicas))
        for _ in range(30):
            assert database.replicas.find(position) is None
            await asyncio.sleep(0.05)


def test_reads_use_only_the_server_that_the_checks_have_found(site: Site) -> None:
    """Lead new connections to a standby that is behind, while the checks keep theirs to the one that is not."""

    async def test() -> None:
        async with site.database() as database:
            await all_used(database)
            site.standbys[0].pause()
            position = await write(database, "seen by one")
            _, second = database.replicas
            await becomes(lambda: second.has_replayed(position))
            site.path.target_port = site.standbys[0].port
            with pytest.raises(FAILURES, match="another server"):
                await count(second)

    asyncio.run(test())


def test_a_standby_that_replays_again_after_a_crash_is_not_read_before_the_next_check(site: Site) -> None:
    async def test() -> None:
        database = Database(site.settings)
        replica, *_ = database.replicas
        history = PrimaryHistory()
        await database.replicas._sample()
        site.standbys[0].catch_up()
        history.note(await current_position(database.reads))
        await replica.check(history)
        assert replica.is_used
        replica._detector.accept(str(replica._detector.identity), 1 << 60)  # what it had replayed before the crash
        with pytest.raises(FAILURES, match="an earlier state"):
            await count(replica)
        await replica.check(history)
        assert await count(replica) == 0
        database.close()

    asyncio.run(test())


def test_lag_is_the_age_of_the_oldest_position_that_is_not_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((10.0, 11.0, 12.0, *[20.0] * 9))
    monkeypatch.setattr("infrastructure.postgres.replication.position.monotonic", lambda: next(clock))
    history = PrimaryHistory()
    assert history.lag_seconds(0) == 0
    for lsn in (100, 200, 200, 300):
        history.note(Position("one", lsn))
    assert [history.lag_seconds(lsn) for lsn in (0, 100, 150, 200, 299, 300, 400)] == [10, 9, 9, 8, 8, 0, 0]
    history.note(Position("two", 50))
    assert history.lag_seconds(50) == 0, "another primary has its own history"
