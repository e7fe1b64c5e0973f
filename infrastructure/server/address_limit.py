"""Bound for the connections of one address, so that nobody takes all file descriptors of a worker."""

import logging
from collections import Counter
from collections.abc import Sequence
from time import monotonic

from infrastructure.client_address import Network, counted_name, is_in_any, parse_address

QUIET_SECONDS = 60  # between two warnings

logger = logging.getLogger(__name__)


class AddressLimit:
    """Open connections by address, for IPv6 by /64. Trusted proxies are not counted: they bring many clients."""

    def __init__(self, limit: int, trusted_networks: Sequence[Network]) -> None:
        self._limit, self._trusted_networks = limit, tuple(trusted_networks)
        self._open: Counter[str] = Counter()
        self._quiet_until = 0.0

    def enter(self, host: str) -> str | None:
        """Count a new connection and return its key for `leave`; None if it is not counted.

        Raises ConnectionRefusedError if its address has too many. Such a connection needs no `leave`.
        """
        address = parse_address(host)
        if address is None or is_in_any(address, self._trusted_networks):
            return None
        key = counted_name(address)
        if self._open[key] >= self._limit:
            if monotonic() >= self._quiet_until:
                self._quiet_until = monotonic() + QUIET_SECONDS
                logger.warning("connections of %s are refused: it has %d open", key, self._limit)
            raise ConnectionRefusedError
        self._open[key] += 1
        return key

    def leave(self, key: str) -> None:
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]
