"""Export of a resource into a file: `./shop export products products.csv`.

It reads one snapshot of the database of the settings. The service may be running. The end of the file's name selects
the format, `.ndjson` or CSV.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from config.settings import Settings, load_settings
from controllers import CONTROLLERS
from infrastructure.servers import script_servers
from migrations.runner import migrate
from schemas.bulk.export_schema import ExportFormat, export_query
from scripts.application import run_with_services
from scripts.output import write
from services.auth.principal import Principal, Role
from services.bulk.export_service import ExportService
from services.context.app_context import AppContext
from services.context.request_context import RequestContext

EXPORTED: dict[str, Any] = {each.prefix.strip("/"): each for each in CONTROLLERS if each.is_exported}
"""The controllers of the resources that can be exported."""


def main(resource: str, path: Path, as_json: bool) -> None:
    """Export the resource. Exit with a message when there is none of this name, or the file cannot be written."""
    if resource not in EXPORTED:
        sys.exit(f"{resource} cannot be exported. Choose from {', '.join(sorted(EXPORTED))}")
    with script_servers(load_settings()) as settings:
        migrate(settings, wait_seconds=0)
        try:
            with path.open("wb") as file:
                size = export(settings, resource, format_of(path), file, show)
        except OSError as error:
            sys.exit(f"{path}: {error.strerror}")
    write(as_json, {"bytes": size}, f"{size:,} bytes in {path}\n")


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
