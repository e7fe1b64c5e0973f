"""Command that prepares PostgreSQL's two roles as an administrator: `python -m migrations.roles ADMINISTRATOR`.

The settings name the roles, their passwords and the database. Run it before the first migration, or to switch from one
role to two; a second run changes nothing but passwords. With `--monitor-password-file` it also prepares the role
`ecommerce_monitor`, for an exporter of PostgreSQL's metrics.
"""

import argparse
import sys
from contextlib import closing
from pathlib import Path

import psycopg2

from config.settings import Settings, load_settings
from infrastructure.postgres.roles import MONITOR, Role, prepare_monitor, prepare_roles
from infrastructure.postgres.urls import driver_arguments, place_of
from infrastructure.texts import message_of


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m migrations.roles", description="Prepare PostgreSQL's two roles.")
    parser.add_argument("administrator", help="a superuser, or a role with CREATEROLE that owns the database")
    parser.add_argument("--password-file", type=Path, help="default: PGPASSWORD or ~/.pgpass")
    parser.add_argument("--monitor-password-file", type=Path, help=f"prepare the role {MONITOR}, too")
    arguments = parser.parse_args()
    settings = load_settings()
    url = settings.migration_url()
    if settings.embeds_postgres:
        sys.exit("POSTGRES_HOST=: the embedded server prepares its roles itself")
    if settings.service_role() is None or not url.username:
        sys.exit("POSTGRES_OWNER (or MIGRATION_DATABASE_URL) and POSTGRES_USER (or DATABASE_URL) must name two roles")
    try:
        password, monitor_password = map(_read, (arguments.password_file, arguments.monitor_password_file))
        prepare(settings, arguments.administrator, password, monitor_password)
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")
    except psycopg2.Error as error:
        sys.exit(f"The roles cannot be prepared: {message_of(error)}")
    sys.stdout.write(f"{place_of(url)}: {url.username} owns the tables, {settings.service_role()} uses them\n")


def _read(file: Path | None) -> str:
    """Return the password in a file, or nothing. Raises OSError."""
    return file.read_text().strip() if file else ""


def prepare(settings: Settings, administrator: str, password: str, monitor_password: str = "") -> None:
    """Prepare the roles that the settings name in their database, and `MONITOR` if it has a password.

    Raises psycopg2.Error.
    """
    owner, service = settings.migration_url(), settings.sqlalchemy_url()
    arguments = driver_arguments(owner.set(username=administrator, password=password))
    with closing(psycopg2.connect(**arguments)) as connection:
        roles = (Role(str(url.username), str(url.password or "")) for url in (owner, service))
        prepare_roles(connection, *roles)
        if monitor_password:
            prepare_monitor(connection, Role(MONITOR, monitor_password))


if __name__ == "__main__":
    main()
