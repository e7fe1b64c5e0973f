"""Orders of one product by all clients: `python -m benchmarks.hot_product`. The stock must add up after each run."""

import time
from collections.abc import Callable, Sequence

from benchmarks.common import report
from benchmarks.common.machine import conditions
from benchmarks.common.options import Options
from benchmarks.common.programs import SHIPPED, Program, ours, running, shipped, uvicorn
from benchmarks.common.report import Target
from benchmarks.common.rounds import Case, Row, find, measure
from benchmarks.common.servers import Servers, private_servers

BUY = "order details of one hot product"
LOCKING, OURS, UNCACHED = "SELECT FOR UPDATE, ORM", "ours", "ours, without a cache"
STOCK, ORDERS = 1_000_000_000, 200
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
function next_request(run, thread, turn)
  local order = %d + (turn * 2 + thread) %% %d
  return wrk.format(nil, nil, nil, string.format('{"quantity": 1, "order_id": %%d, "product_id": %d}', order))
end
"""
REMARKS = f"""
One product, {ORDERS} open orders, fsync on. The other is the same kind of application: FastAPI, a synchronous endpoint
with a session as a dependency, the ORM, the same tables and schemas. After each run: units gone from the stock = units
in order details, and at least one order detail for each answer. "As shipped" is `make run-production` with no setting
but RATE_LIMIT_CALLS; the other rows of ours are tuned: no rate limit, no replacement of workers, no log files.
"""


def main() -> None:
    options = Options.read(connections=64)
    with private_servers() as servers:
        product, first_order = prepare(servers)
        script = SCRIPT % (first_order, ORDERS, product)
        with running(programs := variants(servers, options.workers), servers.folder):
            after = checked(servers, product)
            cases = [Case(BUY, program.name, program, "/order_details", script, after=after) for program in programs]
            rows = measure(cases, options)
            for row in rows:
                hold_to_answers(row)
    told = conditions("make bench-hot-product", options)
    report.write("hot_product", "A hot product", rows, (LOCKING,), told, REMARKS, targets(rows))


def variants(servers: Servers, workers: int) -> list[Program]:
    where = servers.environment()
    return [
        ours(OURS, where, workers),
        shipped(where),
        ours(UNCACHED, where, workers, REDIS_ENABLED="false"),
        uvicorn(LOCKING, "benchmarks.apps.locking:app", where, workers),
    ]


def prepare(servers: Servers) -> tuple[int, int]:
    """Create the stock and ORDERS open orders; return the keys of the product and of the first order."""
    servers.fill(products=1000)
    [(product,)] = servers.query(f"""
        INSERT INTO products (name, price, stock, category_id)
        SELECT 'Hot', price, {STOCK}, category_id FROM products WHERE id_key = 1 RETURNING id_key
    """)
    [(first,)] = servers.query(f"""
        WITH bill AS (
            INSERT INTO bills (bill_number, date, total, payment_type) VALUES ('HOT', current_date, 0, 'card')
            RETURNING id_key
        ), made AS (
            INSERT INTO orders (date, total, delivery_method, status, client_id, bill_id)
            SELECT now(), 0, 1, 1, 1, bill.id_key FROM bill, generate_series(1, {ORDERS}) RETURNING id_key
        ) SELECT min(id_key) FROM made
    """)
    return product, first


def checked(servers: Servers, product: int) -> Callable[[], int]:
    """Return a function that checks a run, restores the tables and returns the units sold.

    It exits if stock and order details disagree.
    """

    def check() -> int:
        gone, sold = settled(servers, product)
        if gone != sold:
            raise SystemExit(f"oversold: {gone} units are gone from the stock, {sold} are in order details")
        servers.query(f"""
            BEGIN;
            UPDATE products SET stock = {STOCK} WHERE id_key = {product};
            DELETE FROM order_details WHERE product_id = {product};
            COMMIT;
        """)
        for statement in ("VACUUM ANALYZE order_details, products, orders", "CHECKPOINT"):
            servers.query(statement)
        return sold

    return check


def settled(servers: Servers, product: int) -> tuple[int, int]:
    """Return the units gone from the stock and in order details, once wrk's unfinished requests have ended."""
    sql = (
        f"SELECT {STOCK} - (SELECT stock FROM products WHERE id_key = {product}), coalesce(sum(quantity), 0)"
        f" FROM order_details WHERE product_id = {product}"
    )
    before, now = None, servers.query(sql)[0]
    while now != before:
        time.sleep(0.5)
        before, now = now, servers.query(sql)[0]
    return int(now[0]), int(now[1])


def hold_to_answers(row: Row) -> None:
    for sold, sample in zip(row.notes, row.samples, strict=True):
        if sold < sample.requests - sample.refused:
            raise SystemExit(f"{row.case.variant}: {sample.requests} answers, but {sold} order details")


def targets(rows: Sequence[Row]) -> list[Target]:
    locking = find(rows, BUY, LOCKING)
    return [
        Target(f"{name} / {LOCKING}", find(rows, BUY, name).ratio(locking), 2.5) for name in (OURS, SHIPPED, UNCACHED)
    ]


if __name__ == "__main__":
    main()
