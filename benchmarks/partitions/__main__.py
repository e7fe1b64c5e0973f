"""Partitioned tables against plain ones: `python -m benchmarks.partitions`. PRODUCTS (100,000) sets the size."""

from collections.abc import Sequence

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from benchmarks.common import report
from benchmarks.common.machine import conditions
from benchmarks.common.options import Options, number
from benchmarks.common.programs import Program, ours, running
from benchmarks.common.report import Target
from benchmarks.common.rounds import Case, Row, find, measure
from benchmarks.common.servers import Servers, private_servers
from benchmarks.lists.scale import POST
from benchmarks.partitions.plans import write_plans
from infrastructure.postgres.roles import OWNER
from migrations.partitioning import unpartition
from scripts.demo import refresh_statistics

PRODUCTS = number("PRODUCTS", 100_000)
TABLES = ("orders", "order_details", "order_status_changes", "audit")
PLAIN, MIGRATED, GROWN = "plain tables", "one partition, as migrated", "eight partitions"
DATABASES = {PLAIN: "plain", MIGRATED: "migrated", GROWN: "grown"}
MORE_PARTITIONS = 7
BOUND = 1 / 1.05
# A different pair of products and another client each time, so that nobody waits for a row.
CHECK_OUT = """'{"client_id": %%d, "delivery_method": 3, "payment_type": "card", "items": '
    .. '[{"product_id": %%d, "quantity": 1}, {"product_id": %%d, "quantity": 1}]}',
    %d + turn %% %d, %d + turn * 2 %% %d, %d + turn * 2 %% %d + 1"""
FILL_UP = """
    SELECT setval(pg_get_serial_sequence(:table, 'id_key'), last + :keys) FROM (
        SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence(:table, 'id_key')::regclass), 0) AS last
    ) AS given
"""
REMARKS = f"""
{PRODUCTS:,} products, a fifth as many clients and orders; no cache, no rate limit, one connection at a time, fsync on.
Checkouts have two lines of products that nobody else buys. In "{GROWN}", seven partitions follow the first one, and new
rows go to the last of them. A ratio of 0.952 means that a request takes 1.05 times as long.
Plans: [partitions_plans.md](partitions_plans.md).
"""


def main() -> None:
    options = Options.read(connections=1, workers=1, rounds=5, seconds=2)
    with private_servers() as servers:
        prepare(servers)
        programs = [
            ours(name, servers.environment(database), 1, REDIS_ENABLED="false") for name, database in DATABASES.items()
        ]
        with running(programs, servers.folder):
            rows = measure(cases(servers, programs), options)
        write_plans(servers, DATABASES)
    told = conditions("make bench-partitions", f"PRODUCTS={PRODUCTS} {options}")
    report.write("partitions", "Partitions", rows, (PLAIN,), told, REMARKS, targets(rows))


def prepare(servers: Servers) -> None:
    """Make three copies of a shop: without partitions, as migrated, and with more of them."""
    servers.fill(PRODUCTS, "migrated")
    servers.query("UPDATE products SET stock = stock + 1000000000", database="migrated")
    for name in ("plain", "grown"):
        servers.query(f"CREATE DATABASE {name} TEMPLATE migrated OWNER {OWNER}")
    engine = create_engine(servers.settings("plain").migration_url(), poolclass=NullPool)
    with engine.begin() as connection:
        for table in TABLES:
            unpartition(connection, table)
    engine = create_engine(servers.settings("grown").migration_url(), poolclass=NullPool)
    for _ in range(MORE_PARTITIONS):
        with engine.begin() as connection:
            left = dict(connection.execute(text("SELECT table_name, keys_left FROM add_partitions()")).tuples().all())
            for table in TABLES:
                connection.execute(text(FILL_UP), {"table": table, "keys": left[table] - 1})
            connection.execute(text("SELECT add_partitions()"))
    for name in DATABASES.values():
        refresh_statistics(servers.settings(name))


def cases(servers: Servers, programs: Sequence[Program]) -> list[Case]:
    [(client, clients, product, products, order, day)] = servers.query(
        """
        SELECT (SELECT min(id_key) FROM clients), (SELECT count(*) FROM clients),
            (SELECT min(id_key) FROM products), (SELECT count(*) FROM products) / 2 * 2, percentile_disc(0.5)
            WITHIN GROUP (ORDER BY id_key), (max(date) - interval '1 day')::date FROM orders
        """,
        database="migrated",
    )
    script = POST % (CHECK_OUT % (client, clients, product, products, product, products))
    reads = {
        "one order": f"/orders/{order}",
        "orders, first page": "/orders?limit=10",
        "orders, newest first": "/orders?limit=10&sort=-date",
        "orders of a client": f"/orders?limit=10&client_id={client + 7}",
        "orders, status and date": f"/orders?limit=10&status=1&date_from={day}",
        "lines of an order": f"/orders/{order}/order_details",
        "history of an order": f"/orders/{order}/history",
    }
    found = [Case(what, program.name, program, path) for what, path in reads.items() for program in programs]
    found += [Case("checkout of two products", one.name, one, "/orders/checkout", script) for one in programs]
    return found


def targets(rows: Sequence[Row]) -> list[Target]:
    operations = dict.fromkeys(row.case.operation for row in rows)
    return [
        Target(f"{what}, {MIGRATED}", find(rows, what, MIGRATED).ratio(find(rows, what, PLAIN)), BOUND)
        for what in operations
    ]


if __name__ == "__main__":
    main()
