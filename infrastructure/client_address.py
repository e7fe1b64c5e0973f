"""Addresses of clients: parsed, compared with networks, and named as limits count them."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def parse_address(text: str) -> Address | None:
    """Parse an address as proxies write it: with a port, in brackets, with a zone, or IPv4 in IPv6 form."""
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


def is_in_any(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def counted_name(address: Address) -> str:
    """Return the address; for IPv6 the /64 network, because one customer has at least that many addresses."""
    return str(IPv6Network((address, 64), strict=False)) if isinstance(address, IPv6Address) else str(address)
