"""Reliable commands: a write is answered after Redis has executed them, or while no worker trusts the cache."""

import asyncio
from time import monotonic
from typing import Any

from infrastructure.redis.availability.handshake import POLL_SECONDS, TRUST_SECONDS
from infrastructure.redis.availability.membership import ROOT_STAMP
from infrastructure.redis.availability.supervisor import RedisSupervisor
from infrastructure.redis.failures import is_moving
from infrastructure.redis.protocol import Key, Pipeline, SimpleCommand, Word, with_prefix

THREAD_TIMEOUT_SECONDS = 10.0  # longer than the patience with any server
DROP_ALL: tuple[Word, ...] = ("UNLINK", Key(ROOT_STAMP))


class FromThread:
    """Base class of clients that threads use. `_loop` is None while the client is not running."""

    _loop: asyncio.AbstractEventLoop | None

    async def execute_reliably(self, *words: Word) -> bool:
        raise NotImplementedError

    def execute_reliably_from_thread(self, *words: Word) -> bool:
        """Run `execute_reliably` from a thread. Return False also if the client is not running.

        Raise RuntimeError on the event loop, because it would wait for itself.
        """
        loop = self._loop
        if loop is None or loop.is_closed():
            return False
        if loop is asyncio._get_running_loop():
            raise RuntimeError("the event loop would wait for itself")
        execution = asyncio.run_coroutine_threadsafe(self.execute_reliably(*words), loop)
        try:
            return execution.result(THREAD_TIMEOUT_SECONDS)
        except TimeoutError:  # the loop has stopped, so this worker answers no requests any more
            return False


class ReliableSupervisor(RedisSupervisor):
    async def keep_trying(self, words: tuple[Word, ...], started_at: float) -> bool:
        """Retry the command until the master acknowledges it, and then return True.

        Return False if that is impossible. Then no worker trusts older cached responses: Redis has been silent, or
        nothing has answered at its address, for OUTAGE_SECONDS. Other failures may concern this worker only: then the
        client gives up after its patience, counted from the first of these failures. So only the first writes of an
        outage wait. Return False at once if the client is not running: then this process serves nobody.
        """
        if self._loop is None:
            return False
        sent: _AwaitedCommand | None = None
        self._retry_pause.cut_short()
        while True:
            if sent is None and not self._outage.is_silent():
                sent = self._send_now(words)
            # This polls the sockets, so a reply that is already there is seen before the outage is judged.
            await (asyncio.wait([sent.replied], timeout=POLL_SECONDS) if sent else asyncio.sleep(POLL_SECONDS))
            if sent and sent.replied.done():
                if await self._is_acknowledged(sent):
                    return True
                words, sent = _next_attempt(words, sent), None
                await asyncio.sleep(POLL_SECONDS)
            if await self._is_hopeless(started_at, is_waiting=sent is not None):
                self._membership.note_undropped(started_at)
                self.mark_down("it does not execute commands")
                return False

    async def _is_acknowledged(self, sent: "_AwaitedCommand") -> bool:
        """Return True if the command was executed by the only server that a worker may trust."""
        reply = sent.replied.result()
        if isinstance(reply, Exception) and not (sent.words == DROP_ALL and is_moving(reply)):
            return False
        return (sent.is_trusted and self.is_up) or await self._master.is_only(self._address)

    async def _is_hopeless(self, started_at: float, is_waiting: bool) -> bool:
        """Return True if a write that started then need not wait any longer. `is_waiting` for a reply is hope."""
        outage = self._outage
        if monotonic() - started_at > outage.patience_seconds:
            return True
        if outage.is_silent() or (not is_waiting and outage.is_unserved(started_at)):
            return await self._master.is_only(self._address)
        return not is_waiting and outage.is_failing(started_at)

    def _send_now(self, words: tuple[Word, ...]) -> "_AwaitedCommand | None":
        """Send the command even while down: Redis may execute it late, and may be up for other workers."""
        connection = self._connection
        if connection is None or connection.is_closed:
            return None
        is_trusted = self.is_up and monotonic() - self._membership.confirmed_at <= TRUST_SECONDS
        command = _AwaitedCommand(words, self.prefix, is_trusted=is_trusted)
        connection.send(Pipeline([command]))
        return command


class _AwaitedCommand(SimpleCommand):
    """A command with a future for its reply, or for an exception."""

    __slots__ = ("is_trusted", "replied", "words")

    def __init__(self, words: tuple[Word, ...], prefix: str, *, is_trusted: bool) -> None:
        super().__init__(*with_prefix(words, prefix))
        self.words, self.is_trusted = words, is_trusted
        self.replied: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def resolve(self, reply: Any) -> None:
        if not self.replied.done():
            self.replied.set_result(reply)


def _next_attempt(words: tuple[Word, ...], sent: _AwaitedCommand) -> tuple[Word, ...]:
    """Return the root stamp to drop instead if some stamps have moved to another node, or these words.

    While a slot moves, its keys are spread over two nodes, and no command may name several of them. A root stamp that
    has left invalidates all entries of the node: it is not made there again, and the first worker that joins the new
    owner drops it there.
    """
    return DROP_ALL if words[0] == "UNLINK" and is_moving(sent.replied.result()) else words
