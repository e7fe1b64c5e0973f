"""Public keys of the identity provider, fetched beside requests.

A request waits for the provider only if its token names a key that is not known. All such requests share one fetch, and
fetches have a pause between them, because anybody can invent key names.
"""

import asyncio
import logging
import math
import ssl
import time
from typing import Any

import httpx2
import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from infrastructure.exceptions import SigningKeysUnavailableError

ALGORITHMS = ["RS256", "ES256"]
KEYS_LIFESPAN_SECONDS = 300  # until known keys are fetched again
FETCH_SECONDS = 3  # for the whole fetch, whatever the provider does
MAX_DOCUMENT_BYTES = 1_000_000
MAX_KEYS = 100
MIN_RSA_BITS = 2048  # RFC 7518, section 3.3
PAUSE_SECONDS = 30  # after a successful fetch
RETRY_SECONDS = 2  # after a failed fetch; doubled with each further failure
MAX_RETRY_SECONDS = 60

logger = logging.getLogger(__name__)


class SigningKeys:
    """Keys by their name (`kid`). Known keys stay valid for `max_stale_seconds` while the provider is away."""

    def __init__(self, url: str, max_stale_seconds: float) -> None:
        self._url, self._max_stale_seconds = url, max_stale_seconds
        self._tls = ssl.create_default_context()  # takes tens of milliseconds, so once and before requests
        self._keys: dict[str, PyJWK] = {}
        self._fetched_at = -math.inf
        self._next_fetch_at = 0.0
        self._failures = 0
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, name: str) -> PyJWK | None:
        """Return the key, or None if the provider has no such key.

        Raises SigningKeysUnavailableError if the key is not known and the provider cannot be asked.
        """
        age = time.monotonic() - self._fetched_at
        if age > self._max_stale_seconds:
            self._keys = {}
        key = self._keys.get(name)
        if key:
            if age > KEYS_LIFESPAN_SECONDS:
                self._begin_fetch()
            return key
        if fetching := self._begin_fetch():
            await asyncio.shield(fetching)
        key = self._keys.get(name)
        if key is None and self._failures:
            raise SigningKeysUnavailableError("the keys of tokens cannot be fetched")
        return key

    def _begin_fetch(self) -> asyncio.Task[None] | None:
        """Return the running fetch. Start one unless the last one ended a moment ago."""
        if self._fetching is None and time.monotonic() >= self._next_fetch_at:
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            document = await _download(self._url, self._tls)
            self._keys = await asyncio.to_thread(usable_keys, document)
        except Exception as error:  # whatever the provider does, only its keys are missing
            if not self._failures:
                logger.warning("the keys of tokens cannot be fetched: %s", str(error) or type(error).__name__)
            pause = min(RETRY_SECONDS * 2**self._failures, MAX_RETRY_SECONDS)
            self._failures += 1
        else:
            self._fetched_at, self._failures, pause = time.monotonic(), 0, PAUSE_SECONDS
        finally:
            self._fetching = None
        self._next_fetch_at = time.monotonic() + pause


async def _download(url: str, tls: ssl.SSLContext) -> bytes:
    """Return the document. Raises TimeoutError, ValueError or httpx2.HTTPError. Follows no redirects."""
    document = bytearray()
    uncompressed = {"Accept-Encoding": "identity"}  # a small compressed document could fill the memory
    async with (
        asyncio.timeout(FETCH_SECONDS),
        httpx2.AsyncClient(verify=tls, timeout=FETCH_SECONDS) as client,
        client.stream("GET", url, headers=uncompressed) as response,
    ):
        if response.status_code != 200:
            raise ValueError(f"the provider answered {response.status_code}")
        async for part in response.aiter_raw():
            document += part
            if len(document) > MAX_DOCUMENT_BYTES:
                raise ValueError(f"the document has more than {MAX_DOCUMENT_BYTES} bytes")
    return bytes(document)


def usable_keys(document: bytes) -> dict[str, PyJWK]:
    """Return the keys that may verify signatures. Raises ValueError if the document holds none, or too many."""
    content = orjson.loads(document)
    entries = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise ValueError(f"the document is not a set of at most {MAX_KEYS} keys")
    keys = {entry["kid"]: key for entry in entries if (key := _usable_key(entry))}
    if not keys:
        raise ValueError("the document has no usable key")
    return keys


def _usable_key(entry: Any) -> PyJWK | None:
    """Return None for keys without a name, of other algorithms, for other purposes, or too short to be safe."""
    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str):
        return None
    if entry.get("use", "sig") != "sig" or "verify" not in entry.get("key_ops", ("verify",)):
        return None
    try:
        key = PyJWK.from_dict(entry)
    except (PyJWTError, ValueError, TypeError):
        return None
    is_short = isinstance(key.key, RSAPublicKey) and key.key.key_size < MIN_RSA_BITS
    return key if key.algorithm_name in ALGORITHMS and not is_short else None
