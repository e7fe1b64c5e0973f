"""Look-up of host names that does not block the event loop, unlike the look-ups of C libraries."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from ipaddress import ip_address

THREADS = ThreadPoolExecutor(64, "look-up")
"""A slow name server holds a thread for tens of seconds. The few threads of asyncio's own pool have other work."""


async def addresses_of(host: str) -> list[str]:
    """Return all addresses in the order in which to try them. Raises OSError (socket.gaierror if there are none)."""
    with suppress(ValueError):
        return [str(ip_address(host))]
    look_up = partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
    try:
        found = await asyncio.get_running_loop().run_in_executor(THREADS, look_up)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, "no host name") from error
    return list(dict.fromkeys(_text(*address) for *_, address in found))


def _text(address: str, _port: int, _flow: int = 0, scope: int = 0) -> str:
    """Format an address. A link-local one needs the scope to identify its network link."""
    return f"{address}%{scope}" if scope else address
