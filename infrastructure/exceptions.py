"""Errors of the infrastructure, below the services."""

UNAVAILABLE, RETRY_AFTER_SECONDS = "Service temporarily unavailable", "1"
"""Message and Retry-After header of the response to an UnavailableError."""


class UnavailableError(Exception):
    """A server that the service needs is not available. A later attempt may succeed."""


class DatabaseUnavailableError(UnavailableError):
    """The database is down, does not answer in time, or has no free connection or thread."""


class OutcomeUnknownError(DatabaseUnavailableError):
    """The connection was lost or timed out during a write, which may have been stored."""


class RefusedError(Exception):
    """Nothing is stored: the data do not allow the statement, or the server accepts no writes."""


class SigningKeysUnavailableError(UnavailableError):
    """The issuer's signing keys for tokens cannot be fetched."""
