"""Client address of a request. The rate limit counts by it."""

from collections.abc import Sequence
from functools import lru_cache, partial

from starlette.types import Scope

from infrastructure.client_address import Address, Network, counted_name, is_in_any, parse_address

MEMO_ENTRIES = 4096
MEMO_BYTES = 256  # longer headers are never memoized, so that they cannot fill the memory
MAX_PROXIES = 32


class ClientIpResolver:
    def __init__(self, trusted_networks: Sequence[Network]) -> None:
        self._trusted_networks = tuple(trusted_networks)
        self._memo = lru_cache(MEMO_ENTRIES)(self._find)
        self.find_direct = lru_cache(MEMO_ENTRIES)(partial(self._find, forwarded=b"", real_ip=b""))
        """Return the address of a peer that sent no forwarding headers."""

    def find(self, peer: str | None, forwarded: bytes = b"", real_ip: bytes = b"") -> str:
        """Return the address; for IPv6 the /64 network, because one customer has at least that many addresses.

        `peer` is the other end of the connection, None for a Unix socket. `forwarded` is X-Forwarded-For with its
        lines joined by commas.
        """
        if len(forwarded) + len(real_ip) > MEMO_BYTES:
            return self._find(peer, forwarded, real_ip)
        return self._memo(peer, forwarded, real_ip)

    def of_request(self, scope: Scope) -> str:
        """Return the client address of a request, from its peer and its forwarding headers."""
        client, forwarded, real_ip = scope.get("client"), [], []
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                forwarded.append(value)
            elif name == b"x-real-ip":
                real_ip.append(value)
        return self.find(client[0] if client else None, b",".join(forwarded), b",".join(real_ip))

    def _find(self, peer: str | None, forwarded: bytes, real_ip: bytes) -> str:
        found = self.find_exact(peer, forwarded, real_ip)
        return counted_name(found) if found else peer or "local"

    def find_exact(self, peer: str | None, forwarded: bytes = b"", real_ip: bytes = b"") -> Address | None:
        """Return the address that a trusted peer forwards: one outside, X-Real-IP, or a client in a private network.

        None means that there is none: a Unix socket without forwarding headers, or a peer without an address.
        """
        address = parse_address(peer or "")
        # The peer of a Unix socket is on this machine.
        if peer and (address is None or not self._is_trusted(address)):
            return address
        outside, inside = self._forwarded_for(forwarded)
        return outside or parse_address(real_ip.decode("latin-1")) or inside or address

    def _forwarded_for(self, forwarded: bytes) -> tuple[Address | None, Address | None]:
        """Return the rightmost untrusted address, and the leftmost of the trusted ones to the right of it.

        The search goes from right to left: our proxies append at the right, and anybody can write the left part. An
        invalid entry ends the search, because no trusted proxy wrote the entries before it.
        """
        inside = None
        for entry in reversed(forwarded.rsplit(b",", MAX_PROXIES)[-MAX_PROXIES:]):
            address = parse_address(entry.decode("latin-1"))
            if address is None:
                break
            if not self._is_trusted(address):
                return address, inside
            inside = address
        return None, inside

    def _is_trusted(self, address: Address) -> bool:
        return is_in_any(address, self._trusted_networks)
