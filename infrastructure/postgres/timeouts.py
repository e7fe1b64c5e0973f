"""A deadline on the client's side for a PostgreSQL that neither answers nor closes its connection.

`statement_timeout`, keep-alives and `tcp_user_timeout` all depend on a peer that still runs; a frozen one hangs a
plain psycopg2 call for ever. psycopg2 calls the function installed here whenever it would wait for the socket.
"""

import select
import time
from typing import Any

import psycopg2
from psycopg2 import extensions


class NoAnswerError(psycopg2.OperationalError):
    """The server has neither answered nor gone away in time. To ask again at once would only take as long again."""

    def __init__(self) -> None:
        super().__init__("no answer from the server before the deadline")


def install_wait_callback(connect_seconds: float, answer_seconds: float) -> None:
    """Let every synchronous psycopg2 call of this process fail with NoAnswerError when its time is over.

    libpq's own `connect_timeout` does not hold for connections that wait in this way.
    """

    def wait(connection: Any) -> None:
        is_new = connection.status == extensions.STATUS_SETUP
        end = time.monotonic() + (connect_seconds if is_new else answer_seconds)
        while (state := connection.poll()) != extensions.POLL_OK:
            poller = select.poll()
            poller.register(connection.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
            left = end - time.monotonic()
            if left <= 0 or not poller.poll(left * 1000):
                # The answer may still come, so psycopg2 closes a connection whose wait has failed. To close it here
                # would wait for ever for a lock that psycopg2 holds during BEGIN, COMMIT and ROLLBACK.
                raise NoAnswerError

    extensions.set_wait_callback(wait)
