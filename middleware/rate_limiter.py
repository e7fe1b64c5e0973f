"""Rate limit: an exact sliding window for each client address, counted in Redis for all workers."""

import logging
import math
from hashlib import sha1
from typing import Any

import hiredis
import orjson
from cachetools import TTLCache

from infrastructure.observability.metrics import metrics
from infrastructure.redis.client import RedisClient
from infrastructure.redis.protocol import Pipeline, RedisDownError, pack_command
from middleware.raw_response import Headers, head_of, json_headers

logger = logging.getLogger(__name__)

# A list per address: the number of requests admitted before the oldest batch, then for each batch its time in
# microseconds and the number admitted including it. A batch is one push, and one pop when it leaves the window.
# Above a thousand calls, batches within one thousandth of the period merge and keep the last time. So memory is
# bounded, and rounding makes the limit stricter, never looser.
SCRIPT = """
local key = KEYS[1]
local calls, period, wanted, grain = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

local head = redis.call('LRANGE', key, 0, 1)
while head[2] and math.abs(now - head[2]) > period do
  redis.call('LPOP', key, 2)
  head = redis.call('LRANGE', key, 0, 1)
end

local tail = redis.call('LRANGE', key, -2, -1)
local total = tonumber(tail[#tail] or 0)
local used = total - (head[1] or 0)
local admitted = math.max(0, math.min(wanted, calls - used))
if admitted > 0 then
  if #tail == 0 then
    redis.call('RPUSH', key, 0, now, admitted)
  elseif #tail == 2 and grain > 0 and math.floor(now / grain) == math.floor(tail[1] / grain) then
    redis.call('LSET', key, -2, now)
    redis.call('LSET', key, -1, total + admitted)
  else
    redis.call('RPUSH', key, now, total + admitted)
  end
  redis.call('PEXPIRE', key, math.ceil(period / 1000) + 1)
end
return {admitted, math.max(0, calls - used - admitted), (head[2] or now) + period - now}
"""
SHA = sha1(SCRIPT.encode()).hexdigest()  # noqa: S324 # Redis identifies scripts by it
EXACT_UP_TO = 1000
PRINCIPALS = ("key:", "jwt:")  # begin of the names of principals, which have limits of their own
MAX_LOGGED = 1024  # addresses whose refusals are remembered; more addresses cause more lines


class RateLimiter:
    def __init__(self, redis: RedisClient, calls: int, period_seconds: int) -> None:
        self.redis = redis
        self.calls = calls
        self.period_seconds = period_seconds
        self.limit_header = (b"x-ratelimit-limit", b"%d" % calls)
        self.message = f"Rate limit exceeded. Maximum {calls} requests per {period_seconds} seconds."
        self._period = period_seconds * 1_000_000
        self._grain = self._period // EXACT_UP_TO if calls > EXACT_UP_TO else 0
        self._open: dict[str, Batch] = {}
        self._logged: TTLCache[str, None] = TTLCache(MAX_LOGGED, period_seconds)
        redis.add_handshake_command("SCRIPT", "LOAD", SCRIPT)

    def enter(self, address: str) -> "Ticket | None":
        """Return a place in the next batch of this address or principal.

        Return None while Redis is down: then every request is admitted.
        """
        batch = self._open.get(address)
        if batch is None:
            batch = Batch(self, address)
            try:
                batch.pipeline = self.redis.enqueue(batch)
            except RedisDownError:
                metrics.rate_limit_unavailable()
                return None
            self._open[address] = batch
        batch.size += 1
        return batch, batch.size - 1

    def leave(self, batch: "Batch", *command: str) -> bytes:
        """Close the batch and return its Redis command."""
        self._open.pop(batch.address, None)
        key = f"rate_limit:{{{batch.address}}}"
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
        self._reset: tuple[bytes, bytes] | None = None
        self._head: bytes | None = None
        self._refusal: tuple[Headers, bytes] | None = None

    def pack(self) -> bytes:
        return self._limiter.leave(self, *self._command)

    def resolve(self, reply: Any) -> None:
        if not isinstance(reply, Exception):
            self.admitted, self._remaining, reset = reply
            seconds = min(max(1, math.ceil(reset / 1_000_000)), self._limiter.period_seconds)
            self._reset = (b"x-ratelimit-reset", b"%d" % seconds)
        elif not self._is_sent_again(reply):
            self.admitted = self.size
            for _ in range(self.size):
                metrics.rate_limit_unavailable()

    async def arrive(self) -> None:
        """Wait until Redis has answered, or until it is down."""
        while not self.pipeline.is_done:
            await self.pipeline.wait()

    def refuses(self, place: int) -> bool:
        """Return True if the request is over the limit. Call it after `arrive`."""
        return place >= self.admitted

    def headers(self, place: int) -> Headers:
        """Return the headers for the admitted request at `place`, or none if Redis did not answer."""
        if self._reset is None:
            return []
        remaining = b"%d" % (self._remaining + self.admitted - 1 - place)
        return [self._limiter.limit_header, (b"x-ratelimit-remaining", remaining), self._reset]

    def head(self, place: int) -> bytes:
        """Return the same headers as bytes of a raw response."""
        if self._reset is None:
            return b""
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
            self.pipeline = self._limiter.redis.enqueue(self)
        except RedisDownError:
            return False
        return True


Ticket = tuple[Batch, int]
"""A batch and a place in it."""
