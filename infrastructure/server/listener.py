"""The socket that the workers share: bound before anything starts, and closed without a connection being reset."""

import ctypes
import errno
import os
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from config.settings import Settings

RECEIVE_BYTES = 32_768
"""Bytes that a connection buffers in the kernel (Linux doubles them), and that a worker reads at a time."""
SETTLE_SECONDS = 0.2  # for handshakes in progress: longer than a round trip to most clients
QUEUE_SECONDS = 1.0  # limit for the workers to accept all waiting connections

SO_ATTACH_FILTER = 26  # asm-generic/socket.h
# A classic BPF program: load byte 13 of the TCP header (flags); if SYN is set, drop the packet, else keep it whole.
DROP_SYN = struct.pack("HBBI" * 4, 0x30, 0, 0, 13, 0x45, 0, 1, 0x02, 0x06, 0, 0, 0, 0x06, 0, 0, 0xFFFFFFFF)
WAITING_OFFSET = 24  # tcpi_unacked in struct tcp_info: for a listening socket, the connections not yet accepted
LISTENING = "0A"  # TCP_LISTEN in /proc/net/tcp


def bind(settings: Settings) -> socket.socket:
    """Return a socket with the service's address that does not listen yet. Exit with one line if that is impossible."""
    listener = socket.socket(socket.AF_INET6 if ":" in settings.api_host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)  # accepted connections inherit it
    try:
        listener.bind((settings.api_host, settings.api_port))
    except OSError as error:
        listener.close()
        sys.exit(_explain(settings, error))
    return listener


def listen(listener: socket.socket, settings: Settings) -> None:
    """Let clients connect. Exit with one line if another process listens on the address by now."""
    try:
        listener.listen(settings.backlog)
    except OSError as error:
        sys.exit(_explain(settings, error))


def _explain(settings: Settings, error: OSError) -> str:
    if error.errno != errno.EADDRINUSE:
        return f"API_HOST={settings.api_host} API_PORT={settings.api_port}: {error.strerror}"
    process = next(_holders(settings.api_port), None)
    holder = f" by process {process[0]} ({process[1]})" if process else ""
    return (
        f"API_PORT={settings.api_port}: the port is in use{holder}. Stop that process or set API_PORT to a free port."
    )


def _holders(port: int) -> Iterator[tuple[int, str]]:
    """Yield number and name of the processes that listen on `port`, as far as this user may see them, on Linux."""
    sockets = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                _, local, _, state, *_, inode = line.split()[:10]
                if state == LISTENING and int(local.rpartition(":")[2], 16) == port:
                    sockets.add(f"socket:[{inode}]")
    for pid in sorted(int(entry.name) for entry in Path("/proc").glob("[0-9]*")) if sockets else ():
        with suppress(OSError):
            if any(os.readlink(descriptor) in sockets for descriptor in Path(f"/proc/{pid}/fd").iterdir()):
                yield pid, Path(f"/proc/{pid}/comm").read_text().strip()


def refuse_connections(listener: socket.socket) -> None:
    """Let no further client connect, and wait until the workers have accepted all others.

    Closing a listening socket resets the connections that wait in its queue, so the kernel first drops further requests
    to connect. Clients repeat such a request after a second. By then the socket is closed, and they are refused.
    """
    program = ctypes.create_string_buffer(DROP_SYN)
    try:
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 4, ctypes.addressof(program)))
    except OSError:  # not Linux
        return
    deadline = time.monotonic() + QUEUE_SECONDS
    time.sleep(SETTLE_SECONDS)
    while _waiting(listener) and time.monotonic() < deadline:
        time.sleep(0.01)


def _waiting(listener: socket.socket) -> int:
    """Return the number of connections that no worker has accepted yet."""
    state = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, WAITING_OFFSET + 4)
    return int.from_bytes(state[WAITING_OFFSET:], sys.byteorder)


def close(listener: socket.socket) -> None:
    """Close the socket in this process, and shut it down in all others, also in one that hangs."""
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
