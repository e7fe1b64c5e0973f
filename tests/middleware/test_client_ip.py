"""Client address of a request, behind proxies and with forged headers."""

import pytest

from config.settings import Settings
from middleware.client_ip import ClientIpResolver
from tests.credentials import service

PROXY = "10.0.0.2"


@pytest.fixture(scope="module")
def resolver() -> ClientIpResolver:
    return ClientIpResolver(Settings(_env_file=None).trusted_proxies)


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
def test_address_without_headers_is_the_peer(resolver: ClientIpResolver, peer: str | None, address: str) -> None:
    assert resolver.find(peer) == address


@pytest.mark.parametrize("peer", ["203.0.113.9", "2001:db8::1", "testclient"])
def test_headers_of_an_untrusted_peer_are_ignored(resolver: ClientIpResolver, peer: str) -> None:
    assert resolver.find(peer, b"198.51.100.1", b"198.51.100.2") == resolver.find(peer)


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
def test_address_behind_proxies_is_the_rightmost_untrusted(
    resolver: ClientIpResolver, peer: str | None, forwarded: bytes, address: str
) -> None:
    assert resolver.find(peer, forwarded) == address
    assert resolver.find(peer, forwarded, b"198.51.100.99") == address


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (b"", PROXY),
        (b" ", PROXY),
        (b",", PROXY),
        (b"192.168.1.7", "192.168.1.7"),
        (b"192.168.1.7:4711", "192.168.1.7"),
        (b"192.168.1.7, 10.1.1.1", "192.168.1.7"),
        (b"192.168.1.7,10.1.1.1,192.168.0.1", "192.168.1.7"),
        (b"::ffff:192.168.1.7, 10.1.1.1", "192.168.1.7"),
        (b"[fd00:0:0:7::1]:443, ::1", "fd00:0:0:7::/64"),
        (b"unknown, 192.168.1.7, 10.1.1.1", "192.168.1.7"),
        (b", 192.168.1.7", "192.168.1.7"),
        (b"6.6.6.6, unknown, 192.168.1.7", "192.168.1.7"),
    ],
)
def test_address_inside_falls_back_to_the_real_ip_then_the_leftmost(
    resolver: ClientIpResolver, forwarded: bytes, address: str
) -> None:
    assert resolver.find(PROXY, forwarded, b"198.51.100.2") == "198.51.100.2"
    assert resolver.find(PROXY, forwarded, b"192.168.1.99") == "192.168.1.99"
    for unusable in (b"", b"no address", b"192.168.1.8,192.168.1.9"):
        assert resolver.find(PROXY, forwarded, unusable) == address


def test_header_lines_of_one_name_are_one_list(resolver: ClientIpResolver) -> None:
    def found(*lines: bytes) -> str:
        return resolver.of_request({"client": (PROXY, 1), "headers": [(b"x-forwarded-for", line) for line in lines]})

    assert found(b"192.168.1.7", b"10.1.1.1") == "192.168.1.7"
    assert found(b"198.51.100.1", b"192.168.1.7, 10.1.1.1") == "198.51.100.1"
    assert found(b"192.168.1.7") == "192.168.1.7"
    assert found() == PROXY


@pytest.mark.parametrize("header", ["192.168.1.{}", "::ffff:192.168.1.{}, 10.0.0.3", "198.51.100.{}, 172.16.0.1"])
def test_clients_behind_a_proxy_have_a_limit_each(settings: Settings, empty_cache: None, header: str) -> None:
    with service(settings, address=PROXY, rate_limit_enabled=True, rate_limit_calls=2) as client:
        for number in range(1, 9):
            headers = {"X-Forwarded-For": header.format(number)}
            statuses = [client.get("/products", headers=headers).status_code for _ in range(3)]
            assert statuses == [200, 200, 429]


@pytest.mark.parametrize(
    "malformed",
    [b"unknown", b"_hidden", b"", b"1.2.3", b"999.1.1.1", b"[::1", b"[::1]x", b"\xff\xfe", b"6.6.6.6\x00", b"%"],
)
def test_addresses_before_a_malformed_one_are_ignored(resolver: ClientIpResolver, malformed: bytes) -> None:
    """Ignore them: otherwise a client behind such a proxy could have a new address in every request."""
    assert resolver.find(PROXY, b"6.6.6.6," + malformed) == PROXY
    assert resolver.find(PROXY, b"6.6.6.6," + malformed + b",198.51.100.1") == "198.51.100.1"


def test_long_headers_are_read(resolver: ClientIpResolver) -> None:
    forwarded = b"6.6.6.6," * 10_000 + b"198.51.100.1"
    assert resolver.find(PROXY, forwarded) == "198.51.100.1"
    assert resolver.find(PROXY, b"198.51.100.1," + b"10.0.0.1," * 100 + b"10.0.0.9") == "10.0.0.1"
