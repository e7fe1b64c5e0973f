"""Command for API keys: `python -m scripts.api_key make admin`, `make client 5`, `revoke NAME`, `list`.

It uses the database of the settings. The service may be running or may never have run.
"""

import argparse
import sys
from contextlib import closing

from sqlalchemy.orm import Session

from config.settings import load_settings
from infrastructure.postgres.database import Database
from infrastructure.servers import script_servers
from migrations.runner import migrate
from repositories.api_key_repository import ApiKeyRepository
from services.auth.api_keys import make_key
from services.auth.principal import Role
from services.exceptions import ServiceError

COLUMNS = "{:<10}{:<8}{:<8}{:<21}{:<21}{:<21}\n"


def main() -> None:
    """Run the command that the arguments name. Exit with a message when it is refused."""
    arguments = parser().parse_args()
    with script_servers(load_settings()) as settings:
        migrate(settings, wait_seconds=0)
        with closing(Database(settings)) as database, database.sessions.begin() as session:
            try:
                output = arguments.act(session, arguments)
            except ServiceError as error:
                sys.exit(str(error))
    sys.stdout.write(output)


def parser() -> argparse.ArgumentParser:
    """Build the parser. `act` is the function that runs the chosen command."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.api_key", description="Keys that callers send as X-API-Key."
    )
    commands = parser.add_subparsers(required=True)
    making = commands.add_parser("make", help="make a key, which is shown once")
    making.add_argument("role", choices=[Role.CLIENT.value, Role.ADMIN.value])
    making.add_argument("client", nargs="?", type=int, help="id_key of the client that the key acts for")
    making.set_defaults(act=make)
    revoking = commands.add_parser("revoke", help="refuse a key from now on")
    revoking.add_argument("name")
    revoking.set_defaults(act=revoke)
    commands.add_parser("list", help="list the keys").set_defaults(act=list_keys)
    return parser


def make(session: Session, arguments: argparse.Namespace) -> str:
    """Make a key and return the text that shows it."""
    made = make_key(session, Role(arguments.role), arguments.client)
    return f"Name  {made.name}\nKey   {made.key}\nIt is not shown again. Send it as X-API-Key.\n"


def revoke(session: Session, arguments: argparse.Namespace) -> str:
    """Revoke a key. Exit with a message when no valid key has this name."""
    if not ApiKeyRepository(session).revoke(arguments.name):
        sys.exit(f"No valid key is named {arguments.name}")
    return f"{arguments.name} is refused from now on, by running workers within 5 seconds\n"


def list_keys(session: Session, _: argparse.Namespace) -> str:
    """Return a table of all keys."""
    rows = [
        [f"{value or '-':.19}" if value is None or isinstance(value, str) else str(value)[:19] for value in row]
        for row in ApiKeyRepository(session).all()
    ]
    return COLUMNS.format("name", "role", "client", "created", "last used", "revoked") + "".join(
        COLUMNS.format(*row) for row in rows
    )


if __name__ == "__main__":
    main()
