"""Check that stock, totals, statuses, bills and the audit log agree: `./shop audit`.

It reads the database of the settings. The service may be running. The exit code is 0 when everything agrees, 1 when
something does not, and 2 when the database cannot be read.
"""

import sys
from collections.abc import Sequence

from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from config.settings import Settings, load_settings
from infrastructure.servers import script_servers
from infrastructure.texts import message_of
from repositories.checks.consistency_check import CHECKS, Disagreement, disagreements
from scripts.output import waiting, write

SHOWN = 20  # problems shown for each check


def main(as_json: bool = False) -> None:
    """Print the report and exit with its code."""
    with script_servers(load_settings()) as settings, waiting("Checking the shop"):
        try:
            found = audit(settings)
        except DBAPIError as error:
            sys.stderr.write(f"The database cannot be read: {message_of(error.orig)}\n")
            sys.exit(2)
    write(as_json, grouped(found), report(found))
    sys.exit(bool(found))


def audit(settings: Settings) -> list[Disagreement]:
    """Return all disagreements in the database. Raises DBAPIError when it cannot be read."""
    arguments = {"connect_timeout": settings.db_connect_timeout}
    engine = create_engine(settings.sqlalchemy_url(), poolclass=NullPool, connect_args=arguments)
    with engine.connect() as connection:
        return disagreements(connection)


def grouped(found: Sequence[Disagreement]) -> dict[str, list[str]]:
    """Return the problems of each check."""
    return {check: [item.problem for item in found if item.check == check] for check in CHECKS}


def report(found: Sequence[Disagreement]) -> str:
    """Format a line for each check, followed by its first problems."""
    lines: list[str] = []
    for check, problems in grouped(found).items():
        lines.append(f"{check.capitalize():<14}{len(problems) or 'no'} disagreement{'s' * (len(problems) != 1)}")
        lines += [f"  {problem}" for problem in problems[:SHOWN]]
        lines += [f"  and {len(problems) - SHOWN} more"] * (len(problems) > SHOWN)
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    from scripts.shop import app

    app(["audit", *sys.argv[1:]])
