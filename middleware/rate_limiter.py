"""Rate limit: an exact sliding window for each client address, counted in Redis for all workers.

While Redis does not count, each worker counts its share of the limit on its own.
"""

import logging
import math
from time import monotonic
from typing import Any

import hiredis
import orjson
from cachetools import TTLCache

from infrastructure.observability.metrics import metrics
from infrastructure.redis.client import Redis
from infrastructure.redis.protocol import Key, Pipeline, RedisDownError, pack_command
from middleware.limits.local_window import EXACT_UP_TO, LocalWindow
from middleware.limits.rate_limit_script import SCRIPT, SHA
from middleware.raw_response import Headers, head_of, json_headers

logger = logging.getLogger(__name__)

PRINCIPALS = ("key:", "jwt:", "jwt-client-")  # prefixes of principals' names; each has a limit of its own
MAX_LOGGED = 1024  # addresses whose refusals are remembered; more addresses cause more lines


_DONE = Pipeline()
_DONE.is_done = True


class RateLimiter:
    def __init__(self, redis: Redis | None, calls: int, period_seconds: int, workers: int = 1) -> None:
        """Build the limiter of one of `workers` workers; without `redis` each counts on its own."""
        self.redis = redis
        self.calls = calls
        self.period_seconds = period_seconds
        self.limit_header = (b"x-ratelimit-limit", b"%d" % calls)
        self.message = f"Rate limit exceeded. Maximum {calls} requests per {period_seconds} seconds."
        self._period = period_seconds * 1_000_000
        self._grain = self._period // EXACT_UP_TO if calls > EXACT_UP_TO else 0
        self._open: dict[str, Batch] = {}
        self._local = LocalWindow(max(1, calls // workers), period_seconds)
        self._local_until = 0.0  # the end of the last local window, of time.monotonic()
        self._logged: TTLCache[str, None] = TTLCache(MAX_LOGGED, period_seconds)
        if redis:
            redis.add_handshake_command("SCRIPT", "LOAD", SCRIPT)
            # Shows at the start whether the user has the rights that the script needs. The key lives for 1 ms.
            redis.add_handshake_command("EVALSHA", SHA, 1, Key("rate_limit:{}"), 1, 1, 1, 0)

    def enter(self, address: str) -> "Ticket":
        """Return a place in the next batch of this address or principal."""
        batch = self._open.get(address)
        if batch is None:
            batch = Batch(self, address)
            try:
                batch.pipeline = self.enqueue(batch)
            except RedisDownError:
                batch.size, batch.pipeline = 1, _DONE
                batch.count_locally()
                return batch, 0
            if self._local_until and monotonic() < self._local_until:
                batch.size = self._local.take(address)  # Redis counts them as well, so its return allows no burst
            self._open[address] = batch
        batch.size += 1
        return batch, batch.size - 1

    def enqueue(self, batch: "Batch") -> Pipeline:
        """Send the batch with the next pipeline. Raises RedisDownError."""
        if self.redis is None:
            raise RedisDownError("Redis is disabled")
        return self.redis.shard_of(batch.address).enqueue(batch)

    def admit_locally(self, address: str, wanted: int) -> tuple[int, int, float]:
        """Return how many requests are admitted, how many could follow, and microseconds until one more could."""
        self._local_until = monotonic() + self.period_seconds
        admitted, remaining, seconds = self._local.admit(address, wanted)
        for _ in range(admitted):
            metrics.rate_limit_unavailable()
        return admitted, remaining, seconds * 1_000_000

    def leave(self, batch: "Batch", *command: str) -> bytes:
        """Close the batch and return its Redis command."""
        self._open.pop(batch.address, None)
        prefix = self.redis.shard_of(batch.address).prefix if self.redis else ""
        key = f"{prefix}rate_limit:{{{batch.address}}}"
        return pack_command((*command, 1, key, self.calls, self._period, batch.size, self._grain))

    def log_refusal(self, address: str) -> None:
        """Log that the limit is reached, once in a period for each address or principal."""
        if address not in self._logged:
            self._logged[address] = None
            kind = "caller" if address.startswith(PRINCIPALS) else "IP"
            logger.warning("Rate limit exceeded for %s: %s", kind, address)


class Batch:
    """Requests of one address in one pipeline. One script call counts them; they are admitted in order of arrival."""

    __slots__ = (
        "_command",
        "_head",
        "_limiter",
        "_refusal",
        "_remaining",
        "_reset",
        "address",
        "admitted",
        "pipeline",
        "size",
    )

    def __init__(self, limiter: RateLimiter, address: str) -> None:
        self.address = address
        self.size = 0
        self.admitted = 0
        self.pipeline: Pipeline
        self._limiter = limiter
        self._command = ("EVALSHA", SHA)
        self._remaining = 0
        self._reset: tuple[bytes, bytes] = (b"", b"")
        self._head: bytes | None = None
        self._refusal: tuple[Headers, bytes] | None = None

    def pack(self) -> bytes:
        return self._limiter.leave(self, *self._command)

    def resolve(self, reply: Any) -> None:
        if not isinstance(reply, Exception):
            self._accept(*reply)
        elif not self._is_sent_again(reply):
            self.count_locally()

    def count_locally(self) -> None:
        """Decide without Redis."""
        self._accept(*self._limiter.admit_locally(self.address, self.size))

    def _accept(self, admitted: int, remaining: int, reset_microseconds: float) -> None:
        self.admitted, self._remaining = admitted, remaining
        seconds = min(max(1, math.ceil(reset_microseconds / 1_000_000)), self._limiter.period_seconds)
        self._reset = (b"x-ratelimit-reset", b"%d" % seconds)

    async def arrive(self) -> None:
        """Wait until Redis has answered, or until it is down."""
        while not self.pipeline.is_done:
            await self.pipeline.wait()

    def refuses(self, place: int) -> bool:
        """Return True if the request is over the limit. Call it after `arrive`."""
        return place >= self.admitted

    def headers(self, place: int) -> Headers:
        """Return the headers for the admitted request at `place`."""
        remaining = b"%d" % (self._remaining + self.admitted - 1 - place)
        return [self._limiter.limit_header, (b"x-ratelimit-remaining", remaining), self._reset]

    def head(self, place: int) -> bytes:
        """Return the same headers as bytes of a raw response."""
        if self._head is None:
            self._head = head_of([self._limiter.limit_header, self._reset])
        return b"%bx-ratelimit-remaining: %d\r\n" % (self._head, self._remaining + self.admitted - 1 - place)

    def refusal(self) -> tuple[Headers, bytes]:
        """Return headers and body of the 429, equal for all refused requests of the batch."""
        metrics.rate_limit_rejected()
        if self._refusal is None:
            self._refusal = self._refuse()
            self._limiter.log_refusal(self.address)
        return self._refusal

    def _refuse(self) -> tuple[Headers, bytes]:
        headers = self.headers(self.admitted - 1)
        seconds = headers[2][1]
        body = orjson.dumps({"detail": self._limiter.message, "retry_after": int(seconds)})
        return [*headers, (b"retry-after", seconds), *json_headers(body)], body

    def _is_sent_again(self, error: Exception) -> bool:
        """Send the whole script if Redis does not know it: its scripts were flushed after the handshake."""
        if not (isinstance(error, hiredis.ReplyError) and str(error).startswith("NOSCRIPT")):
            return False
        self._command = ("EVAL", SCRIPT)
        try:
            self.pipeline = self._limiter.enqueue(self)
        except RedisDownError:
            return False
        return True


Ticket = tuple[Batch, int]
"""A batch and a place in it."""
