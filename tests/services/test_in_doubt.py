"""In-doubt writes and the period of deleting their stamps."""

import asyncio

from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.postgres.database import Database
from services.transactions.in_doubt import IN_TRANSIT_SECONDS, InDoubtWrites


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
