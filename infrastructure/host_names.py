"""Asynchronous host name resolution. A look-up inside a C library would block the event loop."""

import asyncio
import socket
from contextlib import suppress
from ipaddress import ip_address


async def addresses_of(host: str) -> list[str]:
    """Return the addresses of the host, in the order to try them. Raise OSError (socket.gaierror) if it has none."""
    with suppress(ValueError):
        return [str(ip_address(host))]
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, "no host name") from error
    return list(dict.fromkeys(_text(*address) for *_, address in found))


def _text(address: str, _port: int, _flow: int = 0, scope: int = 0) -> str:
    """Return the address as text. A link-local address needs its scope, which names the network interface."""
    return f"{address}%{scope}" if scope else address
