"""One pipelined connection to Redis: commands that travel together leave in one write, replies come in order."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any, Protocol, cast

import hiredis

Word = str | bytes | int

# The stub of hiredis has it take one word only.
pack_command = cast(Callable[[tuple[Word, ...]], bytes], hiredis.pack_command)


class RedisDownError(ConnectionError):
    """Redis is away, or did not answer in time."""


class Command(Protocol):
    """A command on its way. Both methods are called exactly once, in this order."""

    def pack(self) -> bytes:
        """The command, when its pipeline leaves: until then more may have joined in the command."""

    def resolve(self, reply: Any) -> None:
        """The reply; an exception stands for an error reply, or for none in time."""


class SimpleCommand:
    """A command that is known at once, and keeps its reply."""

    __slots__ = ("_packed", "reply")

    def __init__(self, *words: Word) -> None:
        self._packed = pack_command(words)
        self.reply: Any = None

    def pack(self) -> bytes:
        return self._packed

    def resolve(self, reply: Any) -> None:
        self.reply = reply

    def result(self) -> Any:
        """The reply; raises it when it is an error."""
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


class Pipeline:
    """The commands of one tick of the event loop. All who wait for a pipeline go on together when it is over."""

    __slots__ = ("_next", "_waiters", "commands", "is_done", "is_trusted", "sent_at")

    def __init__(self, commands: Iterable[Command] = ()) -> None:
        self.commands = list(commands)
        self.is_done = False
        self.is_trusted = False
        self.sent_at = 0.0
        self._next = 0
        self._waiters: list[asyncio.Future[None]] = []

    def wait(self) -> asyncio.Future[None]:
        """A future for each who waits: one for all would be cancelled with the first request that is cancelled."""
        waiter = asyncio.get_running_loop().create_future()
        if self.is_done:
            waiter.set_result(None)
        else:
            self._waiters.append(waiter)
        return waiter

    def pack(self) -> bytes:
        return b"".join([command.pack() for command in self.commands])

    def resolve_next(self, reply: Any) -> bool:
        """Resolve the next command. Return True if it was the last; a pipeline that has failed ignores its late replies."""
        command = self.commands[self._next]
        self._next += 1
        is_last = self._next == len(self.commands)
        if not self.is_done:
            command.resolve(reply)
            if is_last:
                self._finish()
        return is_last

    def fail(self, error: Exception) -> None:
        if not self.is_done:
            for command in self.commands[self._next :]:
                command.resolve(error)
            self._finish()

    def _finish(self) -> None:
        self.is_done = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()


class RedisConnection(asyncio.Protocol):
    def __init__(self, heard: Callable[[], None], lost: Callable[[], None]) -> None:
        """`heard` is called before replies are handed out, `lost` after all pipelines have failed."""
        self.is_closed = False
        self._heard = heard
        self._lost = lost
        self._reader = hiredis.Reader()
        self._pipelines: deque[Pipeline] = deque()
        self._transport: asyncio.Transport | None = None

    def send(self, pipeline: Pipeline) -> None:
        """Raises RedisDownError on a closed connection."""
        data = pipeline.pack()
        if self.is_closed or self._transport is None:
            raise RedisDownError("connection lost")
        pipeline.sent_at = monotonic()
        self._pipelines.append(pipeline)
        self._transport.write(data)

    def silence(self) -> float:
        """Seconds since the oldest command without a reply was sent."""
        return monotonic() - self._pipelines[0].sent_at if self._pipelines else 0.0

    def give_up(self, error: Exception) -> None:
        """Fails all that wait. Replies that come nevertheless are ignored."""
        for pipeline in self._pipelines:
            pipeline.fail(error)

    def abort(self) -> None:
        if self._transport:
            self._transport.abort()
        self.connection_lost(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _error: Exception | None) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        self.give_up(RedisDownError("connection lost"))
        self._pipelines.clear()
        self._lost()

    def data_received(self, data: bytes) -> None:
        self._heard()
        self._reader.feed(data)
        gets, pipelines = self._reader.gets, self._pipelines
        while (reply := gets()) is not False:
            if pipelines[0].resolve_next(reply):
                pipelines.popleft()
