"""Restrictions of an API key: scopes, networks, and an end."""

from datetime import datetime
from typing import NamedTuple

from infrastructure.client_address import Address, Network, is_in_any
from services.exceptions import ForbiddenError

READ = "read"
"""The scope of a key that reads everything that its role may read."""

Scopes = frozenset[str]


class Restrictions(NamedTuple):
    """None means without a restriction."""

    scopes: Scopes | None = None
    networks: tuple[Network, ...] | None = None
    expires_at: datetime | None = None

    def admit(self, address: Address | None) -> bool:
        """Return True if the key may be used from this client address; None is an unknown one."""
        return self.networks is None or (address is not None and is_in_any(address, self.networks))

    def check_covers(self, other: "Restrictions") -> None:
        """Raise ForbiddenError if a key with the `other` restrictions could do more than one with these."""
        if self.scopes is not None:
            wider = other.scopes is None or any(self.scopes.isdisjoint(scopes_within(one)) for one in other.scopes)
            _refuse_if(wider, "scopes")
        if self.networks is not None:
            outside = other.networks is None or not all(map(self._contains, other.networks))
            _refuse_if(outside, "networks")
        if self.expires_at is not None:
            _refuse_if(other.expires_at is None or other.expires_at > self.expires_at, "expires_at")

    def _contains(self, network: Network) -> bool:
        same_version = (own for own in self.networks or () if own.version == network.version)
        return any(network.subnet_of(own) for own in same_version)  # type: ignore[arg-type] # of the same version


UNRESTRICTED = Restrictions()


def _refuse_if(is_wider: bool, field: str) -> None:
    if is_wider:
        raise ForbiddenError(f"An API key cannot make one that may do more than itself: {field}")


def scope_of(resource: str, *, is_read: bool) -> str:
    return f"{resource}:read" if is_read else f"{resource}:write"


def sufficient_scopes(resource: str, *, is_read: bool) -> Scopes:
    """Return the scopes that each allow reads, or writes, of a resource. Writing includes reading."""
    write = f"{resource}:write"
    return frozenset({READ, f"{resource}:read", write}) if is_read else frozenset({write})


def scopes_within(scope: str) -> Scopes:
    """Return the scopes that include `scope`."""
    resource, _, action = scope.partition(":")
    return sufficient_scopes(resource, is_read=action == READ) if action else frozenset({scope})
