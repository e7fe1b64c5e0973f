"""In-doubt writes: how long their stamps are dropped."""

import asyncio

from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.postgres.database import Database
from services.cache_service import CacheService
from services.transactions.in_doubt import IN_TRANSIT_SECONDS, InDoubtWrites


def moved_by_a_drop(settings: Settings, seconds: float) -> list[float]:
    """Return by how much one drop moves the time of a write; nothing if it forgets the write as settled."""
    database = Database(settings)
    in_doubt = InDoubtWrites(database, CacheService(), seconds - IN_TRANSIT_SECONDS)

    async def add_and_drop() -> list[float]:
        in_doubt.add({"products": {1}})
        [before] = in_doubt._writes
        await in_doubt._drop()
        database.close()
        return [after.settled_at - before.settled_at for after in in_doubt._writes]

    return asyncio.run(add_and_drop())


def test_an_in_doubt_write_is_kept_until_it_can_no_longer_happen(settings: Settings) -> None:
    assert moved_by_a_drop(settings, 60) == [0]
    assert moved_by_a_drop(settings, 0) == []


def test_its_time_starts_again_while_the_server_is_away(settings: Settings) -> None:
    away = settings.model_copy(update={"postgres_host": LOOPBACK, "postgres_port": free_port()})
    [moved] = moved_by_a_drop(away, 60)
    assert moved > 0
