"""A deadline on the client's side for a PostgreSQL that neither answers nor closes its connection.

`statement_timeout`, keep-alives and `tcp_user_timeout` all depend on a peer that still runs; a frozen one hangs a
plain psycopg2 call for ever. psycopg2 calls the function installed here whenever it would wait for the socket.
"""

import select
import time
from typing import Any

import psycopg2
from psycopg2 import extensions


def install_wait_callback(deadline_seconds: float) -> None:
    """Let every synchronous psycopg2 call of this process fail with OperationalError after `deadline_seconds`."""

    def wait(connection: Any) -> None:
        end = time.monotonic() + deadline_seconds
        while (state := connection.poll()) != extensions.POLL_OK:
            poller = select.poll()
            poller.register(connection.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
            left = end - time.monotonic()
            if left <= 0 or not poller.poll(left * 1000):
                # The answer may still come; a connection that owes one must never be used again.
                connection.close()
                raise psycopg2.OperationalError("no answer from the server before the deadline")

    extensions.set_wait_callback(wait)
