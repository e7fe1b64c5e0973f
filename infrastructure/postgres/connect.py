"""Connecting without a blocking look-up: libpq's own would stop the event loop for as long as a name server takes."""

import asyncio
import os
from collections.abc import Mapping
from time import monotonic
from typing import Any, NamedTuple

import psycopg2

from infrastructure.host_names import addresses_of
from infrastructure.postgres.availability.failover import FailoverDetector
from infrastructure.postgres.availability.outage_log import OutageLog, outages
from infrastructure.postgres.connection import AsyncConnection
from infrastructure.postgres.timeouts import NoAnswerError

Dsn = Mapping[str, Any]


class HostAddress(NamedTuple):
    """One address of one host. The fields are names of libpq parameters."""

    host: str
    hostaddr: str
    port: str


class Target(NamedTuple):
    """A server, and the state that all connections to it share."""

    dsn: Dsn
    failover: FailoverDetector
    outages: OutageLog = outages


async def connect(target: Target) -> AsyncConnection:
    """Return an open connection to an accepted server. The `connect_timeout` covers the look-up too.

    Raises psycopg2.OperationalError, which is NoAnswerError when the time is over.
    """
    with target.outages.watching_connect():
        begun, seconds = monotonic(), target.dsn["connect_timeout"]
        try:
            async with asyncio.timeout(seconds):
                resolved = await resolve_hosts(target.dsn)
        except TimeoutError as error:
            raise NoAnswerError from error
        connection = AsyncConnection(resolved, begun)
        try:
            await connection.open(begun + seconds - monotonic())
            await connection.identify(target.failover, begun + seconds - monotonic())
        except BaseException:
            connection.close()
            raise
        return connection


async def resolve_hosts(dsn: Dsn) -> Dsn:
    """Return the DSN with a `hostaddr` for each `host`. libpq still checks certificates by the host's name.

    libpq wants lists of equal length, so a host with several addresses is repeated. A DSN that gives addresses
    itself, or a service file that may do so, stays as it is.
    Raises psycopg2.OperationalError when no host has an address.
    """
    if not dsn.get("host") or any(_is_given(dsn, name) for name in ("hostaddr", "service")):
        return dsn
    hosts, ports = str(dsn["host"]).split(","), str(dsn.get("port", "")).split(",")
    if len(ports) not in (1, len(hosts)):
        return dsn  # libpq reports the error
    addresses, failures = [], []
    for host, port in zip(hosts, ports * (len(hosts) // len(ports)), strict=True):
        try:
            addresses += [HostAddress(host, address, port) for address in await _lookup(host)]
        except OSError as error:
            failures.append(f'could not translate host name "{host}" to address: {error.strerror}')
    if not addresses:
        raise psycopg2.OperationalError("\n".join(failures))
    lists = zip(HostAddress._fields, map(",".join, zip(*addresses, strict=True)), strict=True)
    return {**dsn, **{name: values for name, values in lists if name != "port" or dsn.get("port")}}


def _is_given(dsn: Dsn, name: str) -> bool:
    return bool(dsn.get(name) or os.environ.get(f"PG{name.upper()}"))


async def _lookup(host: str) -> list[str]:
    """Return a host's addresses: one empty address for a Unix socket, which an empty host name means too."""
    return [""] if host.startswith(("/", "@")) or not host else await addresses_of(host)
