"""A connection to the service, for threads and for asyncio."""

from typing import Any

import httpx2 as httpx

from ecommerce_client.generated import Client
from ecommerce_client.retries import RetryTransport


def connect(base_url: str, api_key: str | None = None, *, token: str | None = None, **options: Any) -> Client:
    """Return a client that repeats requests where that is safe. `options` are those of the generated client.

    Use it as a context manager: `with connect(...) as shop:`, or `async with`.
    """
    headers = {"X-API-Key": api_key} if api_key else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    verify = options.get("verify_ssl", True)
    transport = RetryTransport(
        threads=httpx.HTTPTransport(verify=verify), tasks=httpx.AsyncHTTPTransport(verify=verify)
    )
    return Client(base_url=base_url, headers=headers, httpx_args={"transport": transport}, **options)
