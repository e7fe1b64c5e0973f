"""In-doubt writes and the period of deleting their stamps."""

import asyncio

from config.redis_config import redis_client
from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.postgres.database import Database
from infrastructure.redis.client import RedisClient
from services.transactions.in_doubt import HANDED_OVER, IN_TRANSIT_SECONDS, InDoubtWrites
from tests.redis_links import becomes, running


def deadline_shift(settings: Settings, seconds: float) -> list[float]:
    """Return by how much one drop moves the deadline of a write, or an empty list if the write is settled."""
    database = Database(settings)
    in_doubt = InDoubtWrites(database, None, seconds - IN_TRANSIT_SECONDS)

    async def add_and_drop() -> list[float]:
        in_doubt.add({"products": {1}})
        [before] = in_doubt._writes
        await in_doubt._drop()
        database.close()
        return [after.settled_at - before.settled_at for after in in_doubt._writes]

    return asyncio.run(add_and_drop())


def test_in_doubt_write_is_kept_until_it_can_no_longer_happen(settings: Settings) -> None:
    assert deadline_shift(settings, 60) == [0]
    assert deadline_shift(settings, 0) == []


def test_in_doubt_deadline_moves_while_the_server_is_unreachable(settings: Settings) -> None:
    unreachable = settings.model_copy(update={"postgres_host": LOOPBACK, "postgres_port": free_port()})
    [shift] = deadline_shift(unreachable, 60)
    assert shift > 0


def test_in_doubt_write_of_a_stopped_worker_is_dropped_by_another(settings: Settings) -> None:
    address = settings.redis_address()
    assert address
    address = address._replace(db=1)  # the application of the test session must not adopt the write

    async def scenario() -> None:
        database, stopping, other = Database(settings), RedisClient(address), RedisClient(address)
        async with running(stopping, other):
            in_doubt, adopting = (InDoubtWrites(database, redis, 60) for redis in (stopping, other))
            in_doubt.add({"categories": {4711}})
            await in_doubt.hand_over()
            await stopping.stop()
            await other.call("SET", "categories:id:4711:token", "stamp")
            await adopting.drop()
            assert adopting._stamp_keys() == ["categories:id:4711:token", "categories:list:token"]
            with redis_client(address) as server:
                await becomes(lambda: not server.exists("categories:id:4711:token", HANDED_OVER))
        database.close()

    asyncio.run(scenario())


def test_nothing_is_handed_over_without_writes_in_doubt(settings: Settings) -> None:
    database = Database(settings)
    asyncio.run(InDoubtWrites(database, None, 60).hand_over())
    database.close()


def test_cancelled_drop_keeps_its_writes(settings: Settings) -> None:
    """Stop a worker while it drops: the writes are still there to be handed over."""

    async def scenario() -> None:
        database = Database(settings)
        in_doubt = InDoubtWrites(database, None, 60)
        in_doubt.add({"products": {1}})
        task = asyncio.create_task(in_doubt._drop())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert len(in_doubt._writes) == 1
        database.close()

    asyncio.run(scenario())
