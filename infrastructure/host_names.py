"""Look-up of host names that does not block the event loop, unlike the look-ups of C libraries."""

import asyncio
import socket
from contextlib import suppress
from ipaddress import ip_address


async def addresses_of(host: str) -> list[str]:
    """Return all addresses in the order in which to try them. Raises OSError (socket.gaierror if there are none)."""
    with suppress(ValueError):
        return [str(ip_address(host))]
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, "no host name") from error
    return list(dict.fromkeys(_text(*address) for *_, address in found))


def _text(address: str, _port: int, _flow: int = 0, scope: int = 0) -> str:
    """Format an address. A link-local one needs the scope to identify its network link."""
    return f"{address}%{scope}" if scope else address
