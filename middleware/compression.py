"""Compressed bodies of reads, and their place in the cache.

Only reads are compressed. Their bodies repeat nothing of the request and contain no secret of the service, and no
browser adds credentials by itself; so a page of an attacker cannot learn a secret from lengths (BREACH).
"""

import asyncio
from collections.abc import Mapping

from cachetools import LRUCache

from middleware.content_codings import CODINGS, MAX_HEADER_BYTES, Choice, choose_coding
from services.cache_service import CacheService
from services.caching.lookup import CacheLookup
from services.rendering import RenderedJson

MIN_BYTES = 1024  # below, the headers of a response weigh more than what compression saves
LEVEL = 1
MAX_INLINE_BYTES = 65_536  # compressing more takes longer than the way to a thread and back, and would delay others
MEMO_BYTES = 1_048_576

Memo = LRUCache[tuple[str, str], bytes]


class Encoder:
    """Compresses bodies for all clients with the same choice of a coding."""

    def __init__(self, choice: Choice, cache: CacheService, memo: Memo) -> None:
        self.coding, self.is_required = choice
        self._min_bytes = 0 if self.is_required else MIN_BYTES
        self._cache, self._memo = cache, memo

    def coding_of(self, size: int) -> str | None:
        """Return the coding in which the client gets a body of this size; None if it stays plain."""
        return self.coding if size >= self._min_bytes else None

    async def encode(self, rendered: RenderedJson, lookup: CacheLookup | None) -> bytes:
        """Return the body for the client, and cache it if `lookup` has missed it."""
        coding = self.coding_of(len(rendered.body))
        body = await self._compress(rendered) if coding else rendered.body
        if lookup and lookup.entry.coding:
            self._cache.store_for_coding(lookup, rendered.etag, body, is_compressed=coding is not None)
        return body

    async def _compress(self, rendered: RenderedJson) -> bytes:
        """Compress once for all requests of a burst. The tag is a hash of the body, so equal tags have equal bodies."""
        key = rendered.etag, self.coding
        compressed = self._memo.get(key)
        if compressed is None:
            compress, body = CODINGS[self.coding], rendered.body
            if len(body) > MAX_INLINE_BYTES:
                compressed = await asyncio.to_thread(compress, body, LEVEL)
            else:
                compressed = compress(body, LEVEL)
            if len(compressed) <= MEMO_BYTES:
                self._memo[key] = compressed
        return compressed


class Encoders:
    """The encoders of one application."""

    def __init__(self, cache: CacheService) -> None:
        memo: Memo = LRUCache(MEMO_BYTES, len)
        choices = [Choice(coding, is_required) for coding in CODINGS for is_required in (False, True)]
        self._encoders: Mapping[Choice, Encoder] = {choice: Encoder(choice, cache, memo) for choice in choices}

    def find(self, accept_encoding: bytes) -> Encoder | None:
        """Return the encoder for the header; None if the client gets plain bodies."""
        if len(accept_encoding) > MAX_HEADER_BYTES:
            return None
        choice = choose_coding(accept_encoding)
        return self._encoders[choice] if choice else None
