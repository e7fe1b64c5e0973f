"""Command that exports a resource into a file: `python -m scripts.export products products.csv`.

It reads one snapshot of the database of the settings. The service may be running. The end of the file's name selects
the format, `.ndjson` or CSV.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from config.settings import Settings, load_settings
from controllers import CONTROLLERS
from infrastructure.servers import script_servers
from migrations.runner import migrate
from schemas.export_schema import ExportFormat, export_query
from scripts.application import run_with_services
from services.app_context import AppContext
from services.auth.principal import Principal, Role
from services.export_service import ExportService
from services.request_context import RequestContext

EXPORTED: dict[str, Any] = {each.prefix.strip("/"): each for each in CONTROLLERS if each.is_exported}
"""The controllers of the resources that can be exported."""


def main() -> None:
    """Export the resource that the arguments name. Exit with a message when the file cannot be written."""
    parser = argparse.ArgumentParser(prog="python -m scripts.export", description="Export a resource into a file.")
    parser.add_argument("resource", choices=sorted(EXPORTED))
    parser.add_argument("file", type=Path, help="to be written; .ndjson for one JSON object a line, otherwise CSV")
    arguments = parser.parse_args()
    with script_servers(load_settings()) as settings:
        migrate(settings, wait_seconds=0)
        try:
            with arguments.file.open("wb") as file:
                size = export(settings, arguments.resource, format_of(arguments.file), file, show)
        except OSError as error:
            sys.exit(f"{arguments.file}: {error.strerror}")
    sys.stdout.write(f"{size:,} bytes in {arguments.file}\n")


def export(
    settings: Settings,
    resource: str,
    form: ExportFormat,
    file: IO[bytes],
    progress: Callable[[int], None] = lambda _done: None,
) -> int:
    """Write all objects of a resource to the file, and return its size. `progress` gets the bytes written so far.

    Exits with a message when the database cannot be used. Raises OSError.
    """

    async def act(app_context: AppContext) -> int:
        controller, context = EXPORTED[resource], RequestContext(Principal(Role.ADMIN, "script:export"))
        query, written = export_query(controller.filters)(), 0
        async for part in ExportService(controller.service(app_context)).parts(context, query, form):
            written += file.write(part)
            progress(written)
        return written

    return run_with_services(settings, act)


def format_of(file: Path) -> ExportFormat:
    return "ndjson" if file.suffix in (".ndjson", ".jsonl") else "csv"


def show(done: int) -> None:
    """Show the progress, if a terminal can."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done / 1e6:,.1f} MB ")
        sys.stderr.flush()


if __name__ == "__main__":
    main()
