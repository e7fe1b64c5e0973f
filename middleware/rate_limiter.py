"""The rate limit: an exact sliding window for each client address, counted in Redis for all workers."""

import math
from hashlib import sha1
from typing import Any

import hiredis
import orjson

from infrastructure.observability.metrics import metrics
from infrastructure.redis.client import RedisClient
from infrastructure.redis.protocol import Pipeline, RedisDownError, pack_command
from middleware.raw_response import Headers, head_of, json_headers

# A list for each address: how many had been let in before the oldest batch, then for each batch its time in
# microseconds and how many had been let in with it. One push for a batch, one pop when it leaves the window.
# Above a thousand calls, batches of the same thousandth of the period become one, with the time of the last: memory
# stays bounded, and what is rounded is rounded to the stricter side.
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
SHA = sha1(SCRIPT.encode()).hexdigest()  # noqa: S324 # Redis names scripts so
EXACT_UP_TO = 1000


class RateLimiter:
    def __init__(self, link: RedisClient, calls: int, period_seconds: int) -> None:
        self.link = link
        self.calls = calls
        self.period_seconds = period_seconds
        self.limit_header = (b"x-ratelimit-limit", b"%d" % calls)
        self.message = f"Rate limit exceeded. Maximum {calls} requests per {period_seconds} seconds."
        self._period = period_seconds * 1_000_000
        self._grain = self._period // EXACT_UP_TO if calls > EXACT_UP_TO else 0
        self._open: dict[str, Batch] = {}
        link.add_handshake_command("SCRIPT", "LOAD", SCRIPT)

    def enter(self, address: str) -> "Ticket | None":
        """A place in the batch that is about to leave for this address, or for this principal.

        None while Redis is away: then everything is let in.
        """
        batch = self._open.get(address)
        if batch is None:
            batch = Batch(self, address)
            try:
                batch.pipeline = self.link.enqueue(batch)
            except RedisDownError:
                metrics.rate_limit_unavailable()
                return None
            self._open[address] = batch
        batch.size += 1
        return batch, batch.size - 1

    def leave(self, batch: "Batch", *command: str) -> bytes:
        """The batch as a command; nobody can join it any more."""
        self._open.pop(batch.address, None)
        key = f"rate_limit:{{{batch.address}}}"
        return pack_command((*command, 1, key, self.calls, self._period, batch.size, self._grain))


class Batch:
    """The requests of one address in one pipeline: counted by one call of the script, let in in the order they came."""

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
        """Until Redis has answered, or has failed to."""
        while not self.pipeline.is_done:
            await self.pipeline.wait()

    def refuses(self, place: int) -> bool:
        """To be asked after the arrival."""
        return place >= self.admitted

    def headers(self, place: int) -> Headers:
        """Of the answer to the request at `place`, which is let in; none when Redis could not be asked."""
        if self._reset is None:
            return []
        remaining = b"%d" % (self._remaining + self.admitted - 1 - place)
        return [self._limiter.limit_header, (b"x-ratelimit-remaining", remaining), self._reset]

    def head(self, place: int) -> bytes:
        """The same headers as they stand on the wire."""
        if self._reset is None:
            return b""
        if self._head is None:
            self._head = head_of([self._limiter.limit_header, self._reset])
        return b"%bx-ratelimit-remaining: %d\r\n" % (self._head, self._remaining + self.admitted - 1 - place)

    def refusal(self) -> tuple[Headers, bytes]:
        """The headers and the body of the 429, the same for all whose place is not below `admitted`."""
        metrics.rate_limit_rejected()
        if self._refusal is None:
            self._refusal = self._refuse()
        return self._refusal

    def _refuse(self) -> tuple[Headers, bytes]:
        headers = self.headers(self.admitted - 1)
        seconds = headers[2][1]
        body = orjson.dumps({"detail": self._limiter.message, "retry_after": int(seconds)})
        return [*headers, (b"retry-after", seconds), *json_headers(body)], body

    def _is_sent_again(self, error: Exception) -> bool:
        """In full, because Redis does not know the script: somebody has flushed its scripts since the greeting."""
        if not (isinstance(error, hiredis.ReplyError) and str(error).startswith("NOSCRIPT")):
            return False
        self._command = ("EVAL", SCRIPT)
        try:
            self.pipeline = self._limiter.link.enqueue(self)
        except RedisDownError:
            return False
        return True


Ticket = tuple[Batch, int]
"""A batch and a place in it."""
