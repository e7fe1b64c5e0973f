"""The cost of the event log for a write: `python -m benchmarks.events`. The second shop has no triggers for events."""

from collections.abc import Callable, Sequence

from benchmarks.common import report
from benchmarks.common.machine import conditions
from benchmarks.common.options import Options
from benchmarks.common.programs import Program, ours, running
from benchmarks.common.report import Target
from benchmarks.common.rounds import Case, Row, find, measure
from benchmarks.common.servers import Servers, private_servers
from benchmarks.lists.scale import CHECK_OUT, POST, SIGN_UP

OURS, WITHOUT = "ours", "without events"
DATABASES = {OURS: "ecommerce_db", WITHOUT: "without_events"}
TABLES = ["addresses", "bills", "categories", "clients", "order_details", "orders", "products", "reviews"]
PRODUCTS, ORDERS = 1000, 200
CREATE, CHECKOUT, SALE, CHANGE = "create a client", "check out two products", "sell a product", "change a product"
SELL = f"""
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
function next_request(run, thread, turn)
  local order, product = %d + (turn * 2 + thread) %% {ORDERS}, %d + (turn * 7 + thread) %% {PRODUCTS}
  local body = string.format('{{"quantity": 1, "order_id": %%d, "product_id": %%d}}', order, product)
  return wrk.format(nil, nil, nil, body)
end
"""
REPRICE = f"""
wrk.method = "PATCH"
wrk.headers["Content-Type"] = "application/json"
function next_request(run, thread, turn)
  local product = %d + (turn * 7 + thread * 500) %% {PRODUCTS}
  return wrk.format(nil, "/products/" .. product, nil, string.format('{{"price": %%d}}', 1 + turn %% 5000))
end
"""
REMARKS = f"""
{PRODUCTS:,} products, {ORDERS} open orders, fsync on. Each variant has a database of its own; the workers of "{OURS}"
publish the events meanwhile. The load generator, the workers and the servers share the cores.
"""


def main() -> None:
    options = Options.read(rounds=5, connections=16)
    with private_servers() as servers:
        scripts = {name: prepare(servers, database) for name, database in DATABASES.items()}
        for table in TABLES:
            drops = (f"DROP TRIGGER log_{change} ON {table}" for change in ("created", "updated", "deleted"))
            servers.query("; ".join(drops), database=DATABASES[WITHOUT])
        programs = {
            name: ours(name, servers.environment(database), options.workers) for name, database in DATABASES.items()
        }
        with running(list(programs.values()), servers.folder):
            rows = measure(cases(servers, scripts, programs), options)
    told = conditions("make bench-events", options)
    report.write("events", "The event log", rows, (WITHOUT,), told, REMARKS, targets(rows))


def prepare(servers: Servers, database: str) -> dict[str, tuple[str, str]]:
    """Fill a shop, open ORDERS orders in it, and return path and script of each operation."""
    servers.fill(PRODUCTS, database)
    servers.query("UPDATE products SET stock = 1000000000", database=database)
    [(first,)] = servers.query("SELECT min(id_key) FROM products", database=database)
    [(order,)] = servers.query(
        f"""
        WITH bill AS (
            INSERT INTO bills (bill_number, date, total, payment_type) VALUES ('OPEN', current_date, 0, 'card')
            RETURNING id_key
        ), made AS (
            INSERT INTO orders (date, total, delivery_method, status, client_id, bill_id)
            SELECT now(), 0, 1, 1, 1, bill.id_key FROM bill, generate_series(1, {ORDERS}) RETURNING id_key
        ) SELECT min(id_key) FROM made
        """,
        database=database,
    )
    return {
        CREATE: ("/clients", POST % SIGN_UP),
        CHECKOUT: ("/orders/checkout", POST % f"{CHECK_OUT}, {first} + turn * 7 % 900, {first} + 900 + turn % 100"),
        SALE: ("/order_details", SELL % (order, first)),
        CHANGE: ("/products", REPRICE % first),
    }


def cases(servers: Servers, scripts: dict[str, dict[str, tuple[str, str]]], programs: dict[str, Program]) -> list[Case]:
    return [
        Case(operation, name, programs[name], *scripts[name][operation], after=settled(servers, DATABASES[name]))
        for operation in (CREATE, CHECKOUT, SALE, CHANGE)
        for name in DATABASES
    ]


def settled(servers: Servers, database: str) -> Callable[[], int]:
    """Return a function that publishes the rest, leaves no work to autovacuum, and returns the number of events."""

    def settle() -> int:
        while servers.query("SELECT publish_events(5, true)", database=database) != [(0,)]:
            pass
        for statement in ("VACUUM", "CHECKPOINT"):
            servers.query(statement, database=database)
        [(events,)] = servers.query("SELECT count(*) FROM events", database=database)
        return int(events)

    return settle


def targets(rows: Sequence[Row]) -> list[Target]:
    return [
        Target(
            f"{operation}: {OURS} / {WITHOUT}", find(rows, operation, OURS).ratio(find(rows, operation, WITHOUT)), 0.85
        )
        for operation in (CREATE, CHECKOUT, SALE, CHANGE)
    ]


if __name__ == "__main__":
    main()
