"""Commands and pipelines. A pipeline leaves in one write, and its replies arrive in the order of its commands."""

import asyncio
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any, Protocol, cast

import hiredis

Word = str | bytes | int


class Key(str):
    """A key without the prefix of the shop. The client adds it when it sends the command."""

    __slots__ = ()


def with_prefix(words: Iterable[Word], prefix: str) -> list[Word]:
    return [prefix + word if isinstance(word, Key) else word for word in words]


# The type stub of hiredis allows only one word.
pack_command = cast(Callable[[tuple[Word, ...]], bytes], hiredis.pack_command)


class RedisDownError(ConnectionError):
    """Redis is down, or did not reply in time."""


class Command(Protocol):
    """A command in a pipeline. The pipeline calls `pack` and then `resolve`, each exactly once."""

    def pack(self) -> bytes:
        """Return the encoded command. The call comes when the pipeline leaves, so a command may still grow before."""

    def resolve(self, reply: Any) -> None:
        """Accept the reply, or an exception for an error reply or for no reply in time."""


class SimpleCommand:
    """A command with fixed words. It keeps its reply."""

    __slots__ = ("_packed", "reply")

    def __init__(self, *words: Word) -> None:
        self._packed = pack_command(words)
        self.reply: Any = None

    def pack(self) -> bytes:
        return self._packed

    def resolve(self, reply: Any) -> None:
        self.reply = reply

    def result(self) -> Any:
        """Return the reply. Raise it if it is an exception."""
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


class Pipeline:
    """The commands of one tick of the event loop. All its waiters resume together when it is done.

    `is_trusted` tells whether a heartbeat of this worker was recent enough when the pipeline was sent.
    """

    __slots__ = ("_next", "_waiters", "commands", "is_done", "is_trusted", "sent_at")

    def __init__(self, commands: Iterable[Command] = ()) -> None:
        self.commands = list(commands)
        self.is_done = False
        self.is_trusted = False
        self.sent_at = 0.0
        self._next = 0
        self._waiters: list[asyncio.Future[None]] = []

    def wait(self) -> asyncio.Future[None]:
        """Return a new future for each waiter, because one cancelled request would cancel a shared future for all."""
        waiter = asyncio.get_running_loop().create_future()
        if self.is_done:
            waiter.set_result(None)
        else:
            self._waiters.append(waiter)
        return waiter

    def age(self) -> float:
        """Return the seconds since the pipeline was sent."""
        return monotonic() - self.sent_at

    def pack(self) -> bytes:
        return b"".join([command.pack() for command in self.commands])

    def resolve_next(self, reply: Any) -> bool:
        """Resolve the next command, and return True if it was the last one.

        A failed pipeline still counts its late replies, so that the next pipeline gets its own, but drops them.
        """
        command = self.commands[self._next]
        self._next += 1
        is_last = self._next == len(self.commands)
        if not self.is_done:
            command.resolve(reply)
            if is_last:
                self._finish()
        return is_last

    def fail(self, error: Exception) -> None:
        """Resolve all commands without a reply with `error`."""
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
