"""Content codings of reads: negotiated (RFC 9110 section 12.5.3), applied, and kept in the cache.

Only reads are compressed. Their bodies repeat nothing of the request and contain no secret of the service, and no
browser adds credentials by itself; so a page of an attacker cannot learn a secret from lengths (BREACH).
"""

import asyncio
import re
import sys
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from services.cache_service import CacheService
from services.caching.entries import CacheLookup
from services.rendering import RenderedJson

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Compress = Callable[[bytes, int], bytes]

MEMO_ENTRIES = 1024
MAX_HEADER_BYTES = 256  # browsers send 23; longer headers get plain bodies, and cannot fill the memo

MIN_BYTES = 1024  # shorter bodies fit into a packet or two as they are
LEVEL = 1  # higher levels cost 1.5 to 4 times as much and save a tenth
MAX_INLINE_BYTES = 65_536  # 0.3 ms; longer bodies are worth the way to a thread and back

_match_item = re.compile(
    r"([\w!#$%&'*+.^`|~-]+)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?", re.I | re.A
).fullmatch


def _gzip(body: bytes, level: int) -> bytes:
    return zlib.compress(body, level, 16 + zlib.MAX_WBITS)  # with gzip's header, without a time: equal for equal bodies


CODINGS: Mapping[str, Compress] = {"zstd": zstd.compress, "gzip": _gzip}
"""The best first. The second argument of a function is its level."""


class Choice(NamedTuple):
    """The coding of a client's choice. With `is_required`, it accepts no plain bodies."""

    coding: str
    is_required: bool


class Encoder:
    """Compresses bodies for all clients with the same choice of a coding."""

    def __init__(self, choice: Choice, cache: CacheService) -> None:
        self.coding, self.is_required = choice
        self._min_bytes = 0 if self.is_required else MIN_BYTES
        self._cache = cache

    def coding_of(self, size: int) -> str | None:
        """Return the coding in which the client gets a body of this size; None if it stays plain."""
        return self.coding if size >= self._min_bytes else None

    async def encode(self, rendered: RenderedJson, lookup: CacheLookup | None) -> bytes:
        """Return the body for the client. If `lookup` has missed it, store it in the cache."""
        body, coding = rendered.body, self.coding_of(len(rendered.body))
        if coding:
            compress = CODINGS[coding]
            is_long = len(body) > MAX_INLINE_BYTES
            body = await asyncio.to_thread(compress, body, LEVEL) if is_long else compress(body, LEVEL)
        if lookup and lookup.entry.coding:
            self._cache.store_for_coding(lookup, rendered.etag, body, is_compressed=coding is not None)
        return body


class Encoders:
    """The encoders of one application, one for each choice."""

    def __init__(self, cache: CacheService) -> None:
        choices = [Choice(coding, is_required) for coding in CODINGS for is_required in (False, True)]
        self._encoders = {choice: Encoder(choice, cache) for choice in choices}

    def find(self, accept_encoding: bytes) -> Encoder | None:
        """Return the encoder for the header; None if the client gets plain bodies."""
        if len(accept_encoding) > MAX_HEADER_BYTES:
            return None
        choice = choose_coding(accept_encoding)
        return self._encoders[choice] if choice else None


@lru_cache(MEMO_ENTRIES)
def choose_coding(accept_encoding: bytes) -> Choice | None:
    """Return the coding with the highest weight, for equal weights the best; None stands for plain bodies.

    A client that accepts nothing that we have gets plain bodies too.
    """
    weights = _weights(accept_encoding.decode("latin-1"))
    others = weights.get("*", 0.0)
    offered = {coding: weights.get(coding, others) for coding in CODINGS}
    coding = max(offered, key=offered.__getitem__)
    plain = weights.get("identity", weights.get("*"))
    if not offered[coding] or offered[coding] < (plain or 0):
        return None
    return Choice(coding, is_required=plain == 0)


def _weights(header: str) -> dict[str, float]:
    """Return the weight of each coding. Malformed items count as absent."""
    weights = {}
    for item in header.lower().split(","):
        if match := _match_item(item.strip(" \t")):
            weights[match[1].removeprefix("x-")] = float(match[2] or 1)
    return weights
