"""One pipelined connection to Redis, parsed by hiredis."""

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import cast

import hiredis

from infrastructure.redis.protocol import Pipeline, RedisDownError


class RedisConnection(asyncio.Protocol):
    """One TCP connection. Replies resolve the commands of its pipelines in the order of sending."""

    def __init__(self, on_data: Callable[[], None], on_connection_lost: Callable[[], None]) -> None:
        """Call `on_data` before replies are resolved, and `on_connection_lost` after all pipelines have failed."""
        self.is_closed = False
        self._on_data = on_data
        self._on_connection_lost = on_connection_lost
        self._reader = hiredis.Reader()
        self._pipelines: deque[Pipeline] = deque()
        self._transport: asyncio.Transport | None = None

    def send(self, pipeline: Pipeline) -> None:
        """Write the pipeline. Raise RedisDownError if the connection is closed."""
        data = pipeline.pack()
        if self.is_closed or self._transport is None:
            raise RedisDownError("connection lost")
        pipeline.sent_at = monotonic()
        self._pipelines.append(pipeline)
        self._transport.write(data)

    def oldest_wait_seconds(self) -> float:
        """Return the seconds since the oldest unanswered pipeline was sent, or 0.0."""
        return monotonic() - self._pipelines[0].sent_at if self._pipelines else 0.0

    def fail_pending(self, error: Exception) -> None:
        """Fail all pipelines. Their late replies are dropped."""
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
        self.fail_pending(RedisDownError("connection lost"))
        self._pipelines.clear()
        self._on_connection_lost()

    def data_received(self, data: bytes) -> None:
        self._on_data()
        self._reader.feed(data)
        try:
            self._resolve_replies()
        except (hiredis.ProtocolError, IndexError):  # IndexError: a reply without a command
            self.fail_pending(hiredis.ProtocolError("not a reply of Redis"))
            self.abort()

    def _resolve_replies(self) -> None:
        gets, pipelines = self._reader.gets, self._pipelines
        while (reply := gets()) is not False:
            if pipelines[0].resolve_next(reply):
                pipelines.popleft()
