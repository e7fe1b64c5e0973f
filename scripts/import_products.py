"""Import of products from a file: `./shop import products.csv`.

It writes to the database of the settings in one transaction. The service may be running. An interrupted run leaves
nothing behind. The exit code is 1 if lines of the file are wrong; then nothing has changed.
"""

import secrets
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import orjson

from config.settings import Settings, load_settings
from infrastructure.servers import script_servers
from migrations.runner import migrate
from schemas.bulk.export_schema import ExportFormat
from schemas.bulk.product_import_schema import ImportQuery, Step
from scripts.application import run_with_services
from scripts.cache import drop_cache
from scripts.export import format_of
from scripts.output import write
from services.auth.principal import Principal, Role
from services.bulk.product_import_service import ProductImportService
from services.context.app_context import AppContext
from services.context.request_context import AuditedRequest, RequestContext
from services.exceptions import ImportRefusedError

Json = dict[str, Any]


def main(path: Path, query: ImportQuery, as_json: bool) -> None:
    """Import the file, and print the numbers of products or the errors."""
    with script_servers(load_settings(), redis=True) as settings:
        migrate(settings, wait_seconds=0)
        try:
            with path.open("rb") as file:
                result = load(settings, file, format_of(path), query, shown(path))
        except OSError as error:
            sys.exit(f"{path}: {error.strerror}")
        except KeyboardInterrupt:
            sys.exit("\nInterrupted: nothing has changed")
    write(as_json, result, report(result))
    sys.exit(bool(result["errors"]))


def load(
    settings: Settings,
    file: IO[bytes],
    form: ExportFormat,
    query: ImportQuery,
    progress: Callable[[Step, int], None] = lambda _step, _done: None,
) -> Json:
    """Import a file and return the numbers of products, or the first errors, as `POST /products/import` does.

    `progress` gets the name of a step and its state: bytes that are checked, or products that are written. Drops cached
    responses of the running service. Exits with a message when the database cannot be used.
    """
    interrupted = threading.Event()

    def report_progress(step: Step, done: int) -> None:
        if interrupted.is_set():
            raise InterruptedError  # ends the transaction, which runs in a thread
        progress(step, done)

    async def act(app_context: AppContext) -> Json:
        service = ProductImportService(app_context)
        context = _context(is_audited=settings.audits)
        try:
            imported: Json = orjson.loads((await service.load(context, file, form, query, report_progress)).body)
        except ImportRefusedError as error:
            return {"errors": error.errors}
        return imported

    try:
        result = run_with_services(settings, act)
    except KeyboardInterrupt:
        interrupted.set()
        raise
    if not query.dry_run and not result["errors"]:
        drop_cache(settings)
    return result


def _context(*, is_audited: bool) -> RequestContext:
    """Return a context whose changes the audit log attributes to this script."""
    audited = AuditedRequest(secrets.token_hex(8), None, "POST", "/products/import", 200) if is_audited else None
    return RequestContext(Principal(Role.ADMIN, "script:import"), audited=audited)


def report(result: Json) -> str:
    """Return a line for each error, or one with the numbers."""
    if errors := result["errors"]:
        return "".join(f"Line {error['line']}: {error['detail']}\n" for error in errors) + "Nothing has changed.\n"
    return "{created:,} created, {updated:,} updated, {unchanged:,} unchanged\n".format_map(result)


def shown(file: Path) -> Callable[[Step, int], None]:
    """Return a function that shows the progress, if a terminal can."""
    size = max(1, file.stat().st_size)

    def show(step: Step, done: int) -> None:
        if sys.stderr.isatty():
            state = f"{100 * done // size} % of the file" if step == "checked" else f"{done:,} products"
            sys.stderr.write(f"\r{step}: {state} ")
            sys.stderr.flush()

    return show
