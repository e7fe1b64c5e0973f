"""Errors that the infrastructure raises to the services."""

UNAVAILABLE, RETRY_AFTER_SECONDS = "Service temporarily unavailable", "1"
"""The `detail` and the `Retry-After` header of every 503."""


class UnavailableError(Exception):
    """A server that the request needs is down. A later attempt may succeed."""


class DatabaseUnavailableError(UnavailableError):
    """The database is down or too slow, or no connection or thread is free."""


class OutcomeUnknownError(DatabaseUnavailableError):
    """The connection was lost, or timed out, during a write. The write may have been committed."""


class RefusedError(Exception):
    """A statement without effect: the data do not allow it, or it has not reached a server that accepts writes."""


class SigningKeysUnavailableError(UnavailableError):
    """The token issuer does not supply the keys that verify its signatures."""
