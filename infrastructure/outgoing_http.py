"""POST requests to URLs that strangers choose: none reaches a private address, and none takes long or fills the memory.

The address is checked after the look-up, and the connection goes to that address, so another answer of the name server
(DNS rebinding) changes nothing. Redirects are not followed, and proxies of the environment are not used.
"""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from types import TracebackType
from typing import Self

import httpx2

from infrastructure.host_names import addresses_of

TIMEOUT_SECONDS = 10
MAX_BODY_BYTES = 65_536
NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


class ForbiddenAddressError(Exception):
    """The URL leads to a private address, is not https, or is not valid."""


class OutgoingHttp:
    """Connections to one URL's host. They are reused, so use one object for each receiver."""

    def __init__(self, tls: ssl.SSLContext, *, allow_private: bool) -> None:
        self._client = httpx2.AsyncClient(verify=tls, timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=False)
        self._allow_private = allow_private

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Return the status of the response, whose body is ignored.

        Raises ForbiddenAddressError, TimeoutError after TIMEOUT_SECONDS in all, OSError if the host has no address, and
        httpx2.HTTPError.
        """
        async with asyncio.timeout(TIMEOUT_SECONDS):
            address = await allowed_address(url, allow_private=self._allow_private)
            target = httpx2.URL(url)
            async with self._client.stream(
                "POST",
                target.copy_with(host=address),
                content=body,
                headers={"Host": target.netloc.decode("ascii"), "Accept-Encoding": "identity", **headers},
                extensions={"sni_hostname": target.host},
            ) as response:
                with suppress(httpx2.HTTPError, TimeoutError):
                    await _skip(response)
                return response.status_code


async def _skip(response: httpx2.Response) -> None:
    """Read a short body, so that the connection can be used again. A longer one closes it."""
    size = 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > MAX_BODY_BYTES:
            return


async def allowed_address(url: str, *, allow_private: bool) -> str:
    """Look up the URL's host and return an address. Raises ForbiddenAddressError if any is private, and OSError."""
    try:
        target = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ForbiddenAddressError("the URL is not valid") from error
    if target.scheme != "https" and not allow_private:
        raise ForbiddenAddressError("the URL is not https")
    addresses = await addresses_of(target.host)
    if not allow_private and not all(map(is_public, addresses)):
        raise ForbiddenAddressError("the URL leads to a private address")
    return addresses[0]


def is_public(address: str) -> bool:
    """Return True for addresses of the Internet, also behind the prefixes that embed IPv4 addresses in IPv6 ones."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and (embedded := _embedded(found)):
        return is_public(str(embedded))
    return found.is_global and not found.is_multicast


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
