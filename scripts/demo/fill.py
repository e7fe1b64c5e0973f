"""Fill the shop with demo data: `./shop demo --size small|medium|large [--seed 1] [--now 2026-10-31] [--json]`.

It writes to the database of the settings in one transaction. The service may be running. An interrupted run leaves
nothing behind, and a second run adds nothing.
"""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from io import StringIO
from itertools import islice

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 # a class in spite of its case
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from config.settings import Settings, load_settings
from infrastructure.servers import script_servers
from migrations.runner import migrate
from schemas.base_schema import utc_now
from scripts.cache import drop_cache
from scripts.demo.extras import add_payments, add_webhook
from scripts.demo.progress import Progress, show_progress
from scripts.demo.rows import BILL_NUMBER, Keys, Table, tables
from scripts.demo.shipping import add_returns, add_shipments
from scripts.demo.shop import Shop
from scripts.output import waiting, write

PRODUCTS = {"small": 1_000, "medium": 100_000, "large": 1_000_000}
ADVISORY_LOCK = 0x44454D4F  # orders simultaneous runs; arbitrary, but nothing else locks this number
ROWS_PER_COPY = 20_000
EMPTY_CATEGORY = "Gift Cards"
MADE_BY_TRIGGERS = {
    "order_status_changes": ("orders", "DELETE FROM order_status_changes WHERE order_id BETWEEN %s AND %s"),
    "stock_movements": ("products", "DELETE FROM stock_movements WHERE product_id BETWEEN %s AND %s"),
}
"""Tables with rows that triggers make with the present time: their parents, and the removal."""
EVENTS = {
    "categories": ("category", "NULL"),
    "clients": ("client", "id_key"),
    "addresses": ("address", "client_id"),
    "products": ("product", "NULL"),
    "bills": ("bill", "NULL"),
    "orders": ("order", "NULL"),
    "order_details": ("order_detail", "NULL"),
    "reviews": ("review", "NULL"),
}
"""Names of the objects in events, and the column with the client whose personal data they contain."""


def main(size: str, seed: int, now: datetime | None = None, as_json: bool = False) -> None:
    """Add the demo data, then drop cached responses and update the planner's statistics."""
    with script_servers(load_settings(), redis=True) as settings:
        migrate(settings, wait_seconds=0)
        try:
            added = fill(settings, PRODUCTS[size], seed, now, as_json=as_json)
        except (psycopg2.Error, KeyboardInterrupt) as error:
            sys.exit(f"Nothing was added: {str(error).strip() or 'interrupted'}")
        if added:
            drop_cache(settings)
            with waiting("Updating statistics"):
                refresh_statistics(settings)
    text = f"{added:,} rows added.\n" if added else "The demo data is already there: nothing was added.\n"
    write(as_json, {"added": added}, text)


def fill(settings: Settings, products: int, seed: int, now: datetime | None = None, *, as_json: bool = False) -> int:
    """Add the demo data as the owner, and return the number of rows. Return 0 when it is already there.

    The newest orders are of shortly before `now`, by default the present.
    """
    shop = Shop(products, seed, now or utc_now())
    address = settings.migration_url().set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg2.connect(address)) as connection, connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0; SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        cursor.execute("SELECT FROM bills WHERE bill_number = %s", [BILL_NUMBER.format(1)])
        if cursor.fetchone() is not None:
            return 0
        connection.commit()
        first, rows = load(connection, cursor, shop, as_json)
        last = first + len(shop.orders) - 1
        rows += add_payments(cursor, first, last) + add_shipments(cursor, first, last)
        rows += add_returns(cursor, first) + add_webhook(cursor, settings.low_stock_threshold)
        connection.commit()
        return rows


def load(connection: Connection, cursor: Cursor, shop: Shop, as_json: bool) -> tuple[int, int]:
    """Reserve the keys, then add all rows in one transaction, without its end.

    Return the key of the first order and the number of rows.
    """
    ordered = len(shop.orders)
    counts = {"clients": shop.client_count, "products": len(shop.items), "bills": ordered + 1, "orders": ordered}
    counts["order_details"] = sum(len(order.quantities) for order in shop.orders)
    first = {table: reserve(connection, cursor, table, count) for table, count in counts.items()}
    has_triggers = not skip_triggers(connection, cursor)
    contents = tables(shop, Keys(category_keys(cursor, shop.categories), **first))
    rows = sum(table.size for table in contents)
    with show_progress(rows, as_json) as progress:
        for table in contents:
            progress.begin(table.name)
            if table.name in MADE_BY_TRIGGERS:  # unless the user is a superuser
                parent, removal = MADE_BY_TRIGGERS[table.name]
                cursor.execute(removal, [first[parent], first[parent] + counts[parent] - 1])
            copy(cursor, table, progress)
    if not has_triggers:
        append_events(cursor)
        cursor.execute("SET LOCAL session_replication_role = origin")
    return first["orders"], rows


def reserve(connection: Connection, cursor: Cursor, table: str, count: int) -> int:
    """Reserve `count` successive keys and return the first. Concurrent writers get other keys."""
    cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
    cursor.execute("SELECT pg_get_serial_sequence(%s, 'id_key')", [table])
    [[sequence]] = cursor.fetchall()
    cursor.execute("SELECT setval(%(s)s, nextval(%(s)s) + %(n)s - 1) - %(n)s + 1", {"s": sequence, "n": count})
    [[first]] = cursor.fetchall()
    connection.commit()
    return int(first)


def skip_triggers(connection: Connection, cursor: Cursor) -> bool:
    """Switch triggers off if the role may, and return True: foreign key checks take half of the time.

    This is safe because all rows refer to rows of the same transaction.
    """
    try:
        cursor.execute("SET session_replication_role = replica")
        connection.commit()
    except psycopg2.errors.InsufficientPrivilege:
        connection.rollback()
        return False
    return True


def append_events(cursor: Cursor) -> None:
    """Append the events that triggers append otherwise: one for each new row of this transaction."""
    for table, (name, client) in EVENTS.items():
        cursor.execute(f"""
            INSERT INTO event_queue (type, resource, data, client_id)
            SELECT '{name}.created', '/{table}/' || id_key,
                to_jsonb(made) - '{{created_at,updated_at,search_text,checkout_lines,payments_total}}'::text[], {client}
            FROM {table} AS made WHERE xmin = pg_current_xact_id()::xid ORDER BY id_key
        """)  # noqa: S608 # constants


def category_keys(cursor: Cursor, names: Sequence[str]) -> list[int]:
    """Return the keys of the categories, in the order of `names`. Add missing ones, and a category without products.

    Existing categories are reused, and locked so that they cannot be deleted before the commit.
    """
    added = [names[0], EMPTY_CATEGORY, *names[1:]]
    cursor.execute("INSERT INTO categories (name) SELECT unnest(%s) ON CONFLICT DO NOTHING", [added])
    cursor.execute("SELECT name, id_key FROM categories WHERE name = ANY(%s) FOR KEY SHARE", [list(names)])
    keys = dict(cursor.fetchall())
    return [keys[name] for name in names]


def copy(cursor: Cursor, table: Table, progress: Progress) -> None:
    """Copy all rows of a table. A thread formats the next rows while the server stores the current ones."""
    with ThreadPoolExecutor(1) as ahead:
        upcoming = ahead.submit(next_rows, table)
        while (rows := upcoming.result())[0]:
            upcoming = ahead.submit(next_rows, table)
            count, lines = rows
            cursor.copy_expert(f"COPY {table.name} ({table.columns}) FROM STDIN", StringIO(lines), len(lines))
            progress.advance(count)


def next_rows(table: Table) -> tuple[int, str]:
    """Return the number of the next rows and their text in COPY's format."""
    lines = [
        "\t".join([r"\N" if value is None else str(value) for value in row])
        for row in islice(table.rows, ROWS_PER_COPY)
    ]
    return len(lines), "\n".join(lines)


def refresh_statistics(settings: Settings) -> None:
    """Run VACUUM ANALYZE. The planner needs the statistics, and index-only scans need the visibility map."""
    engine = create_engine(settings.migration_url(), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM (ANALYZE)"))
