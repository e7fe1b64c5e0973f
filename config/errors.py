"""What can go wrong below the services."""


class UnavailableError(Exception):
    """Something that the service needs is away: try again later."""


class DatabaseUnavailableError(UnavailableError):
    """The database is away, does not answer in time, or has no connection or thread free."""


class SigningKeysUnavailableError(UnavailableError):
    """Whoever issues tokens does not say with which keys they are signed."""
