"""Membership: the workers that use this Redis as a cache. It decides when cached responses are dropped as a whole.

One script does everything, so each step is atomic and uses the clock of Redis. docs/REDIS_IMPLEMENTATION_GUIDE.md
explains why it is correct.
"""

import secrets
from math import inf
from time import monotonic

from infrastructure.redis.protocol import Key, Word

# Keys, without the prefix of the shop.
ROOT_STAMP = "cache:token"
"""Key of the stamp that all cached responses contain. Dropping it empties the cache."""
MEMBERS = "cache:members"
LAST_DROP = "cache:dropped"

# Longer than a statement of a killed worker runs on in PostgreSQL (DB_STATEMENT_TIMEOUT, five seconds by default).
DEATH_MS = 7000
# Without a heartbeat for so long, all members forget each other. Shorter than OUTAGE_SECONDS, in which writers may have
# answered without invalidating, and longer than the usual delay of a busy worker.
GAP_MS = 1000
# An earlier drop suffices for a returning worker if it is not older: an outage lasts longer, so none has come between.
RECENT_SECONDS = 1.0
FORWARD_MS = 1000  # a heartbeat further in the future shows that the clock was set back

NEVER, ALWAYS = -1, 10**15

# The first write command is one that Redis refuses when its memory is full. A full Redis stores neither entries nor
# counts, so it counts as away.
SCRIPT = f"""
local members, last_drop, root = unpack(KEYS)
local worker, sufficient = ARGV[1], tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

redis.call('HSET', last_drop, 'seen', now)
local dead = redis.call('ZREMRANGEBYSCORE', members, '-inf', now - {DEATH_MS})
  + redis.call('ZREMRANGEBYSCORE', members, now + {FORWARD_MS}, '+inf')
local drops, joins = dead > 0, sufficient ~= nil
if joins then
  local server = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  local last = redis.call('HMGET', last_drop, 'server', 'time')
  drops = drops or last[1] ~= server or redis.call('EXISTS', members) == 0 or tonumber(last[2] or 0) <= sufficient
  redis.call('HSET', last_drop, 'server', server)
end
if drops then
  redis.call('UNLINK', root)
  redis.call('HSET', last_drop, 'time', now)
end
if not redis.call('ZSCORE', members, worker) and not joins then
  return 0
end
redis.call('ZADD', members, now, worker)
redis.call('PEXPIRE', members, {GAP_MS})
return now
"""


class Membership:
    """The membership of one worker, as far as the worker knows."""

    def __init__(self) -> None:
        self.confirmed_at = -inf
        """Send time of the newest acknowledged heartbeat or handshake."""
        self._id = secrets.token_hex(8)
        self._redis_time: int | None = None  # reply of that heartbeat or handshake
        self._is_outage_possible = False
        self._undropped_at = -inf

    def heartbeat(self) -> tuple[Word, ...]:
        """Return a command whose reply is the time of Redis in ms, or 0 if the worker is no longer a member."""
        return "EVAL", SCRIPT, 3, *map(Key, (MEMBERS, LAST_DROP, ROOT_STAMP)), self._id

    def join(self) -> tuple[Word, ...]:
        """Return the command that makes the worker a member. It drops the root stamp if that is necessary."""
        return *self.heartbeat(), self._sufficient_drop()

    def leave(self) -> tuple[Word, ...]:
        """Return the command for a clean stop: all writes of this worker have dropped their stamps."""
        return "ZREM", Key(MEMBERS), self._id

    def confirm(self, sent_at: float, redis_time: int) -> None:
        self.confirmed_at, self._redis_time = sent_at, redis_time
        self._is_outage_possible = False
        if self._undropped_at < sent_at:
            self._undropped_at = -inf

    def change_server(self) -> None:
        """Forget the clock of the former server. The first worker that joins the new one drops the root stamp."""
        self._redis_time = None

    def note_possible_outage(self) -> None:
        """Note that Redis did not answer this worker, so others may have answered writes without invalidating."""
        self._is_outage_possible = True

    def note_undropped(self, started_at: float) -> None:
        """Note that this worker answers a write, started then, without invalidating the cache."""
        self._undropped_at = max(self._undropped_at, started_at)

    def _sufficient_drop(self) -> int:
        """Return the time of Redis since which a drop by another worker spares this worker its own.

        It is calculated from the last reply and the clock of this worker, because the clock of Redis may have stood
        still meanwhile. A worker that was never a member has trusted nothing, so no outage concerns it.
        """
        since = self._undropped_at
        if self._is_outage_possible and self._redis_time:
            since = max(since, monotonic() - RECENT_SECONDS)
        if since == -inf:
            return NEVER
        return self._redis_time + int(1000 * (since - self.confirmed_at)) + 1 if self._redis_time else ALWAYS
