"""Servers that the service needs: configured ones, or embedded ones where none is configured."""

from collections.abc import Iterator
from contextlib import contextmanager

from config.settings import Settings


@contextmanager
def available_servers(settings: Settings, *, share: bool = False) -> Iterator[Settings]:
    """Yield settings that have an address for PostgreSQL and for Redis, unless Redis is disabled.

    Starts an embedded server for each missing address and stops it afterwards. With `share`, uses the embedded servers
    of a process that already runs on the same DATA_DIR. Without it, exits when there is such a process.
    """
    if not settings.embeds_servers:
        yield settings
        return
    from infrastructure.embedded.lifecycle import embedded_servers  # noqa: PLC0415 # a production start never loads it

    with embedded_servers(settings, share=share) as complete:
        yield complete
