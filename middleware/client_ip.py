"""Whose request this is: the client address that the rate limit counts by."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from config.settings import Network

Address = IPv4Address | IPv6Address

MEMO_ENTRIES = 4096
MEMO_BYTES = 256  # longer headers are worked out each time: a memo must not be a way to fill the memory
MOST_PROXIES = 32


class ClientIpResolver:
    def __init__(self, trusted_networks: Sequence[Network]) -> None:
        self._trusted_networks = tuple(trusted_networks)
        self._memo = lru_cache(MEMO_ENTRIES)(self._find)

    def find(self, peer: str | None, forwarded: bytes = b"", real_ip: bytes = b"") -> str:
        """The address, an IPv6 one as its /64 network: one customer has at least that many.

        `peer` is the other end of the connection, None for a Unix socket. `forwarded` is X-Forwarded-For, all its
        lines joined by commas.
        """
        if (forwarded or real_ip) and len(forwarded) + len(real_ip) > MEMO_BYTES:
            return self._find(peer, forwarded, real_ip)
        return self._memo(peer, forwarded, real_ip)

    def _find(self, peer: str | None, forwarded: bytes, real_ip: bytes) -> str:
        """What is nearest to us has been written by those whom we trust; what is further left, by anybody."""
        address = _parse(peer or "")
        # Whoever can open a Unix socket is on this machine.
        if peer and (address is None or not self._is_trusted(address)):
            return _name(address) or peer
        return _name(self._forwarded_for(forwarded) or _parse(real_ip.decode("latin-1")) or address) or "local"

    def _forwarded_for(self, forwarded: bytes) -> Address | None:
        """The right-most address that is no trusted proxy. What is no address ends the walk: its writer vouches for
        nothing beyond it.
        """
        for entry in reversed(forwarded.rsplit(b",", MOST_PROXIES)[-MOST_PROXIES:]):
            address = _parse(entry.decode("latin-1"))
            if address is None or not self._is_trusted(address):
                return address
        return None

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted_networks)


def _parse(text: str) -> Address | None:
    """An address as proxies write it: with a port, in brackets, with a zone; an IPv4 one also in IPv6 form."""
    text = text.strip()
    if text.startswith("["):
        text, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            return None
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _name(address: Address | None) -> str:
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return str(address) if address else ""
