"""What can go wrong below the services."""


class DatabaseUnavailableError(Exception):
    """The database is away, does not answer in time, or has no connection or thread free: try again later."""
