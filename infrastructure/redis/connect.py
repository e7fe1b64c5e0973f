"""One attempt to connect to Redis at each address of its host, and the evidence that a failed attempt gives."""

import asyncio
import errno
import socket
from collections.abc import Callable
from enum import IntEnum

from config.settings import RedisAddress
from infrastructure.host_names import addresses_of
from infrastructure.redis.connection import RedisConnection


class Evidence(IntEnum):
    """Evidence that Redis is down for all workers, from the weakest to the strongest."""

    NONE = 0
    UNREACHABLE = 1  # neither the host nor a route to it exists
    REFUSED = 2  # no process listens on the port


# The last two are the errors of a machine without IPv6 for an IPv6 address.
_UNREACHABLE = {
    *(errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN),
    *(errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT),
}
_NO_SUCH_HOST = {socket.EAI_NONAME, socket.EAI_NODATA}


async def connect(
    redis: RedisAddress, connection: Callable[[], RedisConnection], on_resolved: Callable[[], None]
) -> RedisConnection:
    """Connect to the first address that accepts. Call `on_resolved` once the host name is resolved.

    Raise OSError if no address accepts: the error with the weakest evidence.
    """
    loop, errors = asyncio.get_running_loop(), list[OSError]()
    addresses = await addresses_of(redis.host)
    on_resolved()
    for address in addresses:
        try:
            return (await loop.create_connection(connection, address, redis.port))[1]
        except OSError as error:
            errors.append(error)
    raise min(errors, key=evidence_of)


def evidence_of(error: Exception) -> Evidence:
    """Return the evidence of a failed attempt.

    An error reply is no evidence, because a Redis that refuses one worker may serve another. Nor is a shortage of this
    machine, such as file descriptors.
    """
    if isinstance(error, ConnectionRefusedError):
        return Evidence.REFUSED
    if isinstance(error, socket.gaierror):
        return Evidence.UNREACHABLE if error.errno in _NO_SUCH_HOST else Evidence.NONE
    return Evidence.UNREACHABLE if isinstance(error, OSError) and error.errno in _UNREACHABLE else Evidence.NONE
