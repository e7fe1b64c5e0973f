"""How long a write of which nobody knows is thought of."""

import asyncio

from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.postgres.database import Database
from services.cache_service import CacheService
from services.transactions.in_doubt import ON_THE_WAY_SECONDS, Doubts


def look(settings: Settings, seconds: float) -> list[float]:
    """By how much the times of one doubt were moved by a look; nothing is left of a doubt that is settled."""
    database = Database(settings)
    doubts = Doubts(database, CacheService(), seconds - ON_THE_WAY_SECONDS)

    async def add_and_look() -> list[float]:
        doubts.add(["a token"])
        [before] = doubts._open
        await doubts._drop()
        database.close()
        return [after.settled_at - before.settled_at for after in doubts._open]

    return asyncio.run(add_and_look())


def test_a_doubt_lasts_as_long_as_a_write_may(settings: Settings) -> None:
    assert look(settings, 60) == [0]
    assert look(settings, 0) == []


def test_its_time_begins_anew_while_the_server_is_away(settings: Settings) -> None:
    away = settings.model_copy(update={"postgres_host": LOOPBACK, "postgres_port": free_port()})
    [moved] = look(away, 60)
    assert moved > 0
