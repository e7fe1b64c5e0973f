"""One attempt to connect to Redis at each address of its host."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from typing import Any

from infrastructure.host_names import addresses_of
from infrastructure.redis.address import RedisAddress
from infrastructure.redis.connection import RedisConnection

# Nothing answers at the address. The last two are the errors of a machine without IPv6 for an IPv6 address.
_UNSERVED = {
    *(errno.ECONNREFUSED, errno.ENOENT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN),
    *(errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT),
}
_NO_SUCH_HOST = {socket.EAI_NONAME, socket.EAI_NODATA}


async def connect(
    redis: RedisAddress, connection: Callable[[], RedisConnection], on_resolved: Callable[[], None]
) -> RedisConnection:
    """Connect to the first address that accepts. Call `on_resolved` once the host name is resolved.

    Raise OSError if no address accepts: an error that may concern this worker only, if there is one.
    """
    loop, errors = asyncio.get_running_loop(), list[OSError]()
    if redis.path:
        on_resolved()
        return (await loop.create_unix_connection(connection, redis.path))[1]
    options: dict[str, Any] = {}
    if redis.is_tls:
        options = {"ssl": await asyncio.to_thread(_tls_context, redis), "server_hostname": redis.host}
    addresses = await addresses_of(redis.host)
    on_resolved()
    for address in addresses:
        try:
            _, connected = await loop.create_connection(connection, address, redis.port, **options)
        except OSError as error:
            errors.append(error)
        else:
            return connected
    raise min(errors, key=is_unserved)


def is_unserved(error: Exception) -> bool:
    """Return True if a failed attempt shows that nothing answers at the address.

    An error reply shows the contrary: a Redis that refuses one worker may serve another. A shortage of this machine,
    such as file descriptors, shows nothing.
    """
    if isinstance(error, socket.gaierror):
        return error.errno in _NO_SUCH_HOST
    return isinstance(error, OSError) and error.errno in _UNSERVED


def _tls_context(redis: RedisAddress) -> ssl.SSLContext:
    """Return a context that checks the certificate and the host name.

    Each attempt reads the files again, so that a renewed CA needs no restart; that takes milliseconds.
    """
    return ssl.create_default_context(cafile=redis.ca_file)
