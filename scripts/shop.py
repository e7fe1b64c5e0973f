"""The command line of the shop: `./shop --help`. A command imports its module only when it runs."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option, Typer

AsJson = Annotated[bool, Option("--json", help="Print JSON for programs.")]

app = Typer(
    name="shop",
    help="Run and maintain the shop. Commands use the settings of the service, which may be running.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
keys = Typer(no_args_is_help=True, help="Make, rotate, revoke and list API keys, which callers send as X-API-Key.")
app.add_typer(keys, name="api-key")


@app.command()
def demo(
    size: Annotated[Literal["small", "medium", "large"], Option(help="1 k, 100 k or 1 M products.")] = "small",
    seed: Annotated[int, Option(help="The same seed and time give the same shop.")] = 1,
    now: Annotated[datetime | None, Option(help="Time of the newest orders, in UTC. Default: the present.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fill the shop with demo data. A second run adds nothing."""
    from scripts.demo.fill import main  # noqa: PLC0415

    main(size, seed, now and now.replace(tzinfo=UTC), as_json)


@app.command()
def audit(as_json: AsJson = False) -> None:
    """Check that stock, totals, statuses, bills and the audit log agree. Exit with 1 if they do not."""
    from scripts.audit import main  # noqa: PLC0415

    main(as_json)


@app.command()
def migrate(as_json: AsJson = False) -> None:
    """Bring the database up to date, as the owner of the tables."""
    import logging  # noqa: PLC0415

    from migrations.runner import migrate_configured  # noqa: PLC0415
    from scripts.output import write  # noqa: PLC0415

    logging.basicConfig(level=logging.INFO)
    revision = migrate_configured()
    write(as_json, {"migration": revision}, f"The database is at migration {revision}.\n")


@app.command()
def events(
    after: Annotated[int | None, Option(min=0, help="Begin after this event, 0 for the oldest.")] = None,
    kind: Annotated[str | None, Option("--type", help="Only events of this type, such as product.updated.")] = None,
    limit: Annotated[int, Option(min=1, max=1000, help="Events to print at the most.")] = 20,
    follow: Annotated[bool, Option("--follow", "-f", help="Go on with new events until Ctrl+C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the newest events, oldest first. With --json, each is a line of its own."""
    from scripts.events import main  # noqa: PLC0415

    main(after, kind, limit, follow, as_json)


@app.command()
def export(
    resource: Annotated[str, Argument(help="Such as products.")],
    file: Annotated[Path, Argument(help="To be written: .ndjson has one JSON object a line, others are CSV.")],
    as_json: AsJson = False,
) -> None:
    """Export all objects of a resource into a file: one snapshot of the database."""
    from scripts.export import main  # noqa: PLC0415

    main(resource, file, as_json)


@app.command("import")
def import_products(
    file: Annotated[Path, Argument(help="CSV, or .ndjson with one JSON object a line.")],
    dry_run: Annotated[bool, Option("--dry-run", help="Check and count only.")] = False,
    set_stock: Annotated[bool, Option("--set-stock", help="Set the stock of existing products, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import products from a file, all lines or none. Exit with 1 if lines are wrong."""
    from schemas.bulk.product_import_schema import ImportQuery  # noqa: PLC0415
    from scripts.import_products import main  # noqa: PLC0415

    main(file, ImportQuery(dry_run=dry_run, set_stock=set_stock), as_json)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check settings, PostgreSQL and Redis, and suggest remedies. Exit with 1 if something fails."""
    from scripts.doctor.main import main  # noqa: PLC0415

    main(as_json)


@keys.command()
def make(  # each is an option
    role: Annotated[Literal["admin", "client"], Argument(help="The rights of the caller.")],
    client: Annotated[int | None, Argument(help="The id_key of the client that the key acts for.")] = None,
    description: Annotated[str | None, Option(help="What the key is for.")] = None,
    scope: Annotated[list[str] | None, Option(help="read, orders:read, orders:write …; repeat it for several.")] = None,
    network: Annotated[list[str] | None, Option(help="Such as 203.0.113.0/24; repeat it for several.")] = None,
    expires: Annotated[str | None, Option(help="Time in ISO 8601, in UTC unless it says otherwise.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown once."""
    from scripts.api_key import shown, with_keys  # noqa: PLC0415
    from scripts.output import write  # noqa: PLC0415

    given = {"role": role, "client_id": client, "description": description, "expires_at": expires}
    key = with_keys(lambda api_keys: api_keys.make(**given, scopes=scope or None, networks=network or None))
    write(as_json, key, shown(key))


@keys.command()
def rotate(
    name: str,
    overlap: Annotated[int, Option(help="Seconds for which the old key stays valid.")] = 86_400,
    as_json: AsJson = False,
) -> None:
    """Make a key with the same rights, and end the old one later."""
    from scripts.api_key import shown, with_keys  # noqa: PLC0415
    from scripts.output import write  # noqa: PLC0415

    key = with_keys(lambda api_keys: api_keys.rotate(name, overlap))
    write(as_json, key, f"{shown(key)}{name} is refused in {overlap} seconds, or when it expires\n")


@keys.command()
def revoke(name: str, as_json: AsJson = False) -> None:
    """Refuse a key from now on."""
    from scripts.api_key import with_keys  # noqa: PLC0415
    from scripts.output import write  # noqa: PLC0415

    done = with_keys(lambda api_keys: api_keys.revoke(name))
    seconds = done["refused_within_seconds"]
    write(as_json, done, f"{name} is refused from now on, by running workers within {seconds} seconds\n")


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the keys, revoked ones included."""
    from scripts.api_key import table, with_keys  # noqa: PLC0415
    from scripts.output import write  # noqa: PLC0415

    rows = with_keys(lambda api_keys: api_keys.list_all())
    write(as_json, rows, table(rows))


if __name__ == "__main__":
    app(prog_name="shop")
