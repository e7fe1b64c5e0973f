"""Client-side deadline for a PostgreSQL server that neither answers nor closes its connection.

`statement_timeout`, keep-alives and `tcp_user_timeout` all need a peer that still runs. A frozen peer blocks a plain
psycopg2 call for ever. psycopg2 calls the function installed here whenever it would wait for the socket.
"""

import select
import time
from typing import Any

import psycopg2
from psycopg2 import extensions

SLICE_SECONDS = 0.2


class CutConnectionError(psycopg2.OperationalError):
    """Connection that the network has silently dropped, while others work. An immediate retry may succeed."""

    def __init__(self) -> None:
        super().__init__("the network has dropped the connection")


class _LastCut:
    at = 0.0


_last_cut = _LastCut()


def cut_waits() -> None:
    """Make synchronous calls that wait for an answer now raise CutConnectionError."""
    _last_cut.at = time.monotonic()


class NoAnswerError(psycopg2.OperationalError):
    """Server that did not answer before the deadline. An immediate retry would only wait as long again."""

    def __init__(self) -> None:
        super().__init__("no answer from the server before the deadline")


def install_wait_callback(connect_seconds: float, answer_seconds: float) -> None:
    """Make every synchronous psycopg2 call of this process raise NoAnswerError after its deadline.

    libpq's own `connect_timeout` does not apply to connections that wait in this way.
    """

    def wait(connection: Any) -> None:
        is_new = connection.status == extensions.STATUS_SETUP
        begun = time.monotonic()
        end = begun + (connect_seconds if is_new else answer_seconds)
        while (state := connection.poll()) != extensions.POLL_OK:
            poller = select.poll()
            poller.register(connection.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
            while not poller.poll(min(SLICE_SECONDS, max(0, end - time.monotonic())) * 1000):
                # psycopg2 closes the connection when its wait fails, because the answer may still come. Closing it
                # here would deadlock: psycopg2 holds a lock during BEGIN, COMMIT and ROLLBACK.
                if begun <= _last_cut.at:
                    raise CutConnectionError
                if time.monotonic() >= end:
                    raise NoAnswerError

    extensions.set_wait_callback(wait)
