"""Connections to voters. They use redis-py, because a question every 0.3 s need not be fast."""

from pathlib import Path
from typing import Any, NamedTuple, Self

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from infrastructure.redis.address import RedisAddress

ANSWER_SECONDS = 1.0


class Credentials(NamedTuple):
    """User, password and TLS of all voters."""

    username: str = ""
    password: str = ""
    is_tls: bool = False
    ca_file: Path | None = None

    @classmethod
    def of(cls, address: RedisAddress) -> Self:
        return cls(address.username, address.password, address.is_tls, address.ca_file)


def connect_voter(place: tuple[str, int], credentials: Credentials) -> Redis:
    """Return a client that fails after a second and never retries. It connects with the first question."""
    username, password, is_tls, ca_file = credentials
    return Redis(
        host=place[0],
        port=place[1],
        username=username or None,
        password=password or None,
        ssl=is_tls,
        ssl_ca_certs=str(ca_file) if ca_file else None,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
        protocol=2,
    )


async def ask(voter: Redis, *words: str) -> Any:
    """Return the reply. Raise RedisError or OSError."""
    untyped: Any = voter
    return await untyped.execute_command(*words)
