"""Addresses of the read replicas."""

from pydantic import SecretStr
from sqlalchemy.engine import URL

from config.settings import Settings
from infrastructure.postgres.urls import postgres_url
from infrastructure.texts import parts_of_list

OF_ONE_SERVER = ("host", "port", "hostaddr", "target_session_attrs")
"""Parameters of a PostgreSQL URL that belong to its server, and not to the role or the session."""


def settings_of_replicas(settings: Settings) -> tuple[Settings, ...]:
    """Return the settings for each replica: those of the primary, with another address and number of connections."""
    listed = settings.database_replica_urls.get_secret_value() if settings.database_replica_urls else ""
    urls = [_replica_url(part, settings.sqlalchemy_url()) for part in parts_of_list(listed)]
    return tuple(
        settings.model_copy(
            update={
                "database_url": SecretStr(url.render_as_string(hide_password=False)),
                "db_read_connections": settings.db_replica_connections,
                "db_connect_timeout": 1,  # the primary answers instead
            }
        )
        for url in urls
    )


def _replica_url(value: str, primary: URL) -> URL:
    """Return the URL of a replica. User and password, database and parameters that it lacks are the primary's."""
    url = postgres_url(value)
    shared = {name: primary.query[name] for name in primary.query if name not in OF_ONE_SERVER}
    credentials = url if url.username else primary
    return url.set(
        username=credentials.username,
        password=credentials.password,
        database=url.database or primary.database,
        query={**shared, "target_session_attrs": "any", **url.query},
    )
