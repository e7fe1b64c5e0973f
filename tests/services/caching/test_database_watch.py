"""DatabaseWatch: which identities empty the cache, and how a server is identified."""

import asyncio
from contextlib import closing

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from config.redis_config import redis_client
from config.settings import Settings
from infrastructure.observability.metrics import metrics
from infrastructure.postgres.database import Database
from infrastructure.redis import client
from infrastructure.redis.availability.membership import ROOT_STAMP
from infrastructure.redis.client import RedisClient
from services.caching.database_watch import DATABASE, DatabaseWatch
from tests.migrations.test_migrations import new_database
from tests.redis_links import running
from tests.servers import superuser_url

PAUSE_SECONDS = 60  # a pause of a busy machine must not empty the cache here


def test_only_another_server_empties_the_cache(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "TRUST_SECONDS", PAUSE_SECONDS)
    address = settings.redis_address()
    assert address
    address = address._replace(db=3)  # the application of the test session must not note its identity here

    async def scenario() -> None:
        database, redis = Database(settings), RedisClient(address)
        with redis_client(address) as server, closing(database):
            async with running(redis):

                async def keeps_stamp(watch: DatabaseWatch) -> bool:
                    server.set(redis.prefix + ROOT_STAMP, "stamp")
                    await watch.check()
                    assert server.get(redis.prefix + DATABASE) == identity().encode()
                    return bool(server.exists(redis.prefix + ROOT_STAMP))

                def identity() -> str:
                    assert database.failover.identity
                    return database.failover.identity

                first = DatabaseWatch(database, redis)
                assert not await keeps_stamp(first), "nobody has noted the server before"
                assert await keeps_stamp(first)
                assert await keeps_stamp(DatabaseWatch(database, redis)), "a start"
                server.set(redis.prefix + DATABASE, "noted by another worker")
                assert not await keeps_stamp(first)
                assert await keeps_stamp(first)
                assert not caplog.records, "the server of this worker has not changed"
                first._agreed[redis] = "former"
                assert not await keeps_stamp(first)
                assert await keeps_stamp(first)
        assert [record.getMessage() for record in caplog.records] == [
            f"the database has failed over from former to {identity()}"
        ]

    before = metrics._totals.counters["db_failovers_total"]
    with caplog.at_level("WARNING"):
        asyncio.run(scenario())
    assert metrics._totals.counters["db_failovers_total"] == before + 1


@pytest.mark.parametrize("shows_wal", [True, False])
def test_server_is_identified_on_every_connection(settings: Settings, *, shows_wal: bool) -> None:
    """Expect the start time of a server that does not show its WAL."""

    async def scenario(here: Settings) -> None:
        with closing(Database(here)) as database:
            with database.engine.connect():
                identities = {database.failover.identity}
            for pool in (database.reads, database.writes, database.probe):
                await pool.fetch("SELECT 1", {})
                assert pool._idle[0].server
                assert not pool._idle[0].is_pooled
                identities |= {pool._idle[0].server.identity, database.failover.identity}
            await database.probe.check()
            [identity] = identities | {database.failover.identity}
            assert str(identity).startswith("since ") != shows_wal
            assert str(identity).endswith("/00000001") == shows_wal

    with new_database(settings, "identified") as (here, _):
        if not shows_wal:
            with create_engine(superuser_url(here), poolclass=NullPool).begin() as connection:
                connection.execute(text("ALTER FUNCTION pg_control_system() RENAME TO pg_other"))
        asyncio.run(scenario(here))
