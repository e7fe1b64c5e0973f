"""Batches, exports and imports of a large shop, next to other requests: `python -m benchmarks.bulk`.

PRODUCTS (1,000,000) sets the size, ROUNDS (5) the number of batches.
"""

import json
import statistics
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import NamedTuple

from benchmarks.bulk.neighbours import Neighbours, Watched
from benchmarks.common import report
from benchmarks.common.machine import conditions
from benchmarks.common.options import Options, number
from benchmarks.common.programs import Program, ours, running
from benchmarks.common.report import Target
from benchmarks.common.servers import Servers, private_servers
from scripts.demo.words import COLOURS, DEPARTMENTS, STYLES

PRODUCTS, ITEMS = number("PRODUCTS", 1_000_000), 1000
OLD = 1000  # products of the demo shop, with clients and orders
QUIET_SECONDS = 20
CHUNK = 1 << 20
# Without triggers: each product has one movement and no event, as if it were old.
FILL = f"""
    SET session_replication_role = replica;
    UPDATE products SET stock = stock + 1000000;
    INSERT INTO products (name, price, stock, category_id, sku)
        SELECT
            concat_ws(' ', (%(styles)s)[1 + n %% 10], (%(items)s)[1 + n / 10 %% 99], (%(colours)s)[1 + n / 990 %% 12]),
            1 + n %% 9999 / 100.0, 1000000, category, 'SKU-' || n
        FROM (SELECT min(id_key) AS category FROM categories) AS one, generate_series({OLD} + 1, {PRODUCTS}) AS n;
    INSERT INTO stock_movements (product_id, quantity, stock_after, reason)
        SELECT id_key, stock, stock, 'initial' FROM products WHERE id_key > {OLD};
"""
WORDS = {
    "styles": list(STYLES),
    "items": [name for items in DEPARTMENTS.values() for name in items],
    "colours": list(COLOURS),
}
REMARKS = f"""
{PRODUCTS:,} products, two workers, fsync on. A batch changes {ITEMS} of them. Meanwhile 100 other requests a second
arrive, whatever the responses: cached products, orders, checkouts of two products. Their p99 is compared with that of
{QUIET_SECONDS} quiet seconds before. Memory is the growth of the worker that grows most. All programs share the cores.
"""


class Result(NamedTuple):
    what: str
    seconds: float
    neighbours: Watched


def main() -> None:
    options = Options.read(rounds=5)
    with private_servers() as servers:
        servers.fill(OLD)
        print(f"a shop of {PRODUCTS:,} products ...", flush=True)
        servers.query(FILL, WORDS)
        servers.query("VACUUM ANALYZE")
        program = ours("the service", servers.environment(), options.workers)
        with running([program], servers.folder):
            results, batches = measured(servers, program, options.rounds)
    write(results, batches, conditions("make bench-bulk", f"PRODUCTS={PRODUCTS} {options}"))


def measured(servers: Servers, program: Program, rounds: int) -> tuple[list[Result], list[float]]:
    file = servers.folder / "products.csv"
    batch(program, 0, ITEMS)
    times = [batch(program, turn, ITEMS) for turn in range(1, rounds + 1)]
    print(f"batches: {', '.join(f'{1000 * each:.0f} ms' for each in times)}", flush=True)
    neighbours = Neighbours(program, servers)
    results = [
        observed(neighbours, "nothing", lambda: time.sleep(QUIET_SECONDS)),
        observed(neighbours, "export", lambda: export(program, file)),
        observed(neighbours, "import of the export", lambda: load(program, file, unchanged=PRODUCTS)),
        observed(neighbours, "nothing, again", lambda: time.sleep(QUIET_SECONDS)),
    ]
    return results, times


def observed(neighbours: Neighbours, what: str, act: Callable[[], None]) -> Result:
    with neighbours.watching() as watch:
        started = time.monotonic()
        act()
        seconds = time.monotonic() - started
    result = Result(what, seconds, watch())
    print(f"{what}: {seconds:.1f} s, {result.neighbours}", flush=True)
    return result


def batch(program: Program, turn: int, size: int) -> float:
    """Change prices of products all over the shop, and return the seconds that it took."""
    items = [{"id_key": 1 + place * (PRODUCTS // size), "price": 1 + turn + place / 100} for place in range(size)]
    started = time.monotonic()
    answer = asked(program, "POST", "/products/batch", json.dumps({"items": items}).encode(), "application/json")
    assert all(item["status"] == 200 for item in json.loads(answer.read())["results"])
    return time.monotonic() - started


def export(program: Program, file: Path) -> None:
    answer = asked(program, "GET", "/products/export")
    with file.open("wb") as output:
        while chunk := answer.read(CHUNK):
            output.write(chunk)


def load(program: Program, file: Path, **wanted: int) -> None:
    with file.open("rb") as content:
        answer = asked(program, "POST", "/products/import", content, "text/csv", str(file.stat().st_size))
    counts = json.loads(answer.read())
    assert {name: counts[name] for name in wanted} == wanted, counts


def asked(program: Program, method: str, path: str, *body: object) -> HTTPResponse:
    content, kind, *length = body or (None, "")
    headers = {"Content-Type": kind} | ({"Content-Length": length[0]} if length else {})
    connection = HTTPConnection("127.0.0.1", program.port, timeout=600)
    connection.request(method, path, content, headers)  # type: ignore[arg-type] # bytes or a file
    answer = connection.getresponse()
    assert answer.status == 200, answer.read(1000)
    return answer


def write(results: list[Result], batches: list[float], told: dict[str, str]) -> None:
    quiet, exported, loaded, _ = results
    batch_ms = 1000 * statistics.median(batches)
    targets = [
        Target(f"ms of {ITEMS} changes", batch_ms, 300, at_most=True),
        Target("MB of an export", exported.neighbours.megabytes, 30, at_most=True),
        Target("p99 during an export / before", exported.neighbours.p99_ms / quiet.neighbours.p99_ms, 2, at_most=True),
        Target("seconds of an import", loaded.seconds, 90, at_most=True),
    ]
    lines = [
        (result.what, f"{result.seconds:.1f}", *(f"{value:.1f}" for value in result.neighbours)) for result in results
    ]
    table = report.table(("meanwhile", "seconds", "p50 ms", "p99 ms", "other requests/s", "MB"), lines)
    text = "\n\n".join(["# Bulk writes and exports", REMARKS.strip(), table, report.targets_table(targets)])
    figures = {"batches_ms": [round(1000 * each, 1) for each in batches], "rows": [list(each) for each in lines]}
    report.save("bulk", f"{text}\n\n{report.facts(told)}", {**told, **figures})
    print(f"{text}\n\nwritten to benchmarks/results/bulk.md and .json")


if __name__ == "__main__":
    main()
