"""Redis clients on a real server, for asynchronous tests that run with `asyncio.run`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

from infrastructure.embedded.servers import ValkeyServer
from infrastructure.redis.address import RedisAddress
from infrastructure.redis.client import RedisClient


def address_of(server: ValkeyServer, password: str | None = None) -> RedisAddress:
    return RedisAddress("127.0.0.1", server.port, 0, password or server.password)


async def becomes(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until the condition holds. Fail after `seconds`."""
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, f"not met within {seconds} seconds"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def running(*links: RedisClient) -> AsyncIterator[None]:
    """Start the clients, wait until all are up, and stop them at the end."""
    for link in links:
        link.start()
    try:
        await becomes(lambda: all(link.is_up for link in links))
        yield
    finally:
        for link in links:
            await link.stop()
