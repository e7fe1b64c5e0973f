"""What can go wrong below the services."""

UNAVAILABLE, RETRY_AFTER_SECONDS = "Service temporarily unavailable", "1"
"""What is said of it."""


class UnavailableError(Exception):
    """Something that the service needs is away: try again later."""


class DatabaseUnavailableError(UnavailableError):
    """The database is away, does not answer in time, or has no connection or thread free."""


class OutcomeUnknownError(DatabaseUnavailableError):
    """The database went away, or fell silent, with a write under way: it may have happened."""


class RefusedError(Exception):
    """Nothing has been done: the data do not allow a statement, or it has not reached a server that writes."""


class SigningKeysUnavailableError(UnavailableError):
    """Whoever issues tokens does not say with which keys they are signed."""
