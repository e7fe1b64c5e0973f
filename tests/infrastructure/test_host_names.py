"""Look-ups of host names that take long."""

import asyncio
import os
import socket
import threading

import pytest

from infrastructure.host_names import addresses_of

ASYNCIO_THREADS = (os.cpu_count() or 1) + 4
"""The least size of asyncio's own pool."""


def test_slow_look_ups_leave_other_threads_free(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()

    def look_up(*_: object, **__: object) -> list[object]:
        assert answers.wait(60)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))]

    async def scenario() -> None:
        found = [asyncio.create_task(addresses_of("receiver.test")) for _ in range(ASYNCIO_THREADS + 5)]
        try:
            assert await asyncio.wait_for(asyncio.to_thread(str, 5), 20) == "5"
        finally:
            answers.set()
        assert await asyncio.gather(*found) == [["192.0.2.1"]] * len(found)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    asyncio.run(scenario())
