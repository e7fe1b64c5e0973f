"""Host names become addresses without stopping the event loop, as a look-up by a library in C would."""

import asyncio
import socket
from contextlib import suppress
from ipaddress import ip_address


async def addresses_of(host: str) -> list[str]:
    """All of them, in the order in which to try them. Raises OSError, which is socket.gaierror when there are none."""
    with suppress(ValueError):
        return [str(ip_address(host))]
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, "no host name") from error
    return list(dict.fromkeys(_text(*address) for *_, address in found))


def _text(address: str, _port: int, _flow: int = 0, scope: int = 0) -> str:
    """Of a link-local address only the scope tells on which of the links."""
    return f"{address}%{scope}" if scope else address
