"""Free ports on the loopback address."""

import secrets
import socket
import sys

LOOPBACK = "127.0.0.1"
FREE_PORTS = range(20000, 32768)  # below the ephemeral ports of outgoing connections


def free_port(wanted: int | None = None) -> int:
    """Return `wanted` if it is free, else a random free port that no outgoing connection can take.

    Exits after 100 attempts.
    """
    for port in (wanted or secrets.choice(FREE_PORTS), *(secrets.choice(FREE_PORTS) for _ in range(100))):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    sys.exit("There is no free port between 20000 and 32767.")
