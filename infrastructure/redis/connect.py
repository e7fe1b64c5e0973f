"""One attempt to reach Redis, at each address of its host in turn, and what it proves that none takes it."""

import asyncio
import errno
import socket
from collections.abc import Callable

from config.settings import RedisAddress
from infrastructure.host_names import addresses_of
from infrastructure.redis.protocol import RedisConnection

NOBODY_LISTENS, NO_WAY, NOTHING = 2, 1, 0

# Neither the host nor a way there exists; the last two are what an IPv6 address is to a machine without IPv6.
_NO_WAY = {
    *(errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN),
    *(errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT),
}
_NO_SUCH_HOST = {socket.EAI_NONAME, socket.EAI_NODATA}


async def reach(
    redis: RedisAddress, connection: Callable[[], RedisConnection], asked: Callable[[], None]
) -> RedisConnection:
    """At the first address that takes it; `asked` is called when there is one to be asked.

    When none does, raises OSError, the one that proves the least.
    """
    loop, errors = asyncio.get_running_loop(), list[OSError]()
    addresses = await addresses_of(redis.host)
    asked()
    for address in addresses:
        try:
            return (await loop.create_connection(connection, address, redis.port))[1]
        except OSError as error:
            errors.append(error)
    raise min(errors, key=proof_of)


def proof_of(error: Exception) -> int:
    """NOBODY_LISTENS, NO_WAY to it, or NOTHING.

    An error reply proves nothing: a Redis that refuses one worker may serve another. Nor does what this machine lacks.
    """
    if isinstance(error, ConnectionRefusedError):
        return NOBODY_LISTENS
    if isinstance(error, socket.gaierror):
        return NO_WAY if error.errno in _NO_SUCH_HOST else NOTHING
    return NO_WAY if isinstance(error, OSError) and error.errno in _NO_WAY else NOTHING
