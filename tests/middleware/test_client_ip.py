"""Whom a request counts for, behind proxies and with whatever a client claims."""

from ipaddress import ip_network

import pytest

from config.settings import PRIVATE_NETWORKS
from middleware.client_ip import ClientIpResolver

PROXY = "10.0.0.2"


@pytest.fixture(scope="module")
def addresses() -> ClientIpResolver:
    return ClientIpResolver([ip_network(network) for network in PRIVATE_NETWORKS])


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "127.0.0.1"),
        (None, "local"),
        ("", "local"),
        ("testclient", "testclient"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_without_headers_it_is_the_peer(addresses: ClientIpResolver, peer: str | None, address: str) -> None:
    assert addresses.find(peer) == address


@pytest.mark.parametrize("peer", ["203.0.113.9", "2001:db8::1", "testclient"])
def test_an_untrusted_peer_claims_in_vain(addresses: ClientIpResolver, peer: str) -> None:
    assert addresses.find(peer, b"198.51.100.1", b"198.51.100.2") == addresses.find(peer)


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (b"198.51.100.1", "198.51.100.1"),
        (b"6.6.6.6, 198.51.100.1", "198.51.100.1"),
        (b"6.6.6.6,198.51.100.1 , 10.2.2.2,192.168.1.1", "198.51.100.1"),
        (b"198.51.100.1:4711", "198.51.100.1"),
        (b"[2001:db8:a:b::1]:4711", "2001:db8:a:b::/64"),
        (b"[2001:db8:a:b::1]", "2001:db8:a:b::/64"),
        (b"2001:db8:a:b::1", "2001:db8:a:b::/64"),
        (b"::ffff:198.51.100.1", "198.51.100.1"),
        (b"198.51.100.1, ::ffff:10.0.0.7, fc00::7", "198.51.100.1"),
    ],
)
@pytest.mark.parametrize("peer", [PROXY, "::1", "::ffff:127.0.0.1", None])
def test_behind_proxies_it_is_the_right_most_that_is_none(
    addresses: ClientIpResolver, peer: str | None, forwarded: bytes, address: str
) -> None:
    assert addresses.find(peer, forwarded) == address
    assert addresses.find(peer, forwarded, b"198.51.100.99") == address


@pytest.mark.parametrize("forwarded", [b"", b"10.1.1.1", b"10.1.1.1, 192.168.0.1"])
def test_without_one_it_is_the_real_ip_or_else_the_peer(addresses: ClientIpResolver, forwarded: bytes) -> None:
    assert addresses.find(PROXY, forwarded, b"198.51.100.2") == "198.51.100.2"
    assert addresses.find(PROXY, forwarded, b"no address") == PROXY
    assert addresses.find(PROXY, forwarded) == PROXY


@pytest.mark.parametrize(
    "nonsense",
    [b"unknown", b"_hidden", b"", b"1.2.3", b"999.1.1.1", b"[::1", b"[::1]x", b"\xff\xfe", b"6.6.6.6\x00", b"%"],
)
def test_nothing_beyond_what_is_no_address_counts(addresses: ClientIpResolver, nonsense: bytes) -> None:
    """Else a client behind such a proxy would have a new address with every request."""
    assert addresses.find(PROXY, b"6.6.6.6," + nonsense) == PROXY
    assert addresses.find(PROXY, b"6.6.6.6," + nonsense + b",198.51.100.1") == "198.51.100.1"


def test_long_headers_are_read_but_not_remembered(addresses: ClientIpResolver) -> None:
    forwarded = b"6.6.6.6," * 10_000 + b"198.51.100.1"
    assert addresses.find(PROXY, forwarded) == "198.51.100.1"
    assert addresses.find(PROXY, b"198.51.100.1," + b"10.0.0.1," * 100 + b"10.0.0.1") == PROXY
