"""Growth of a request's cost with the rows: the same requests to shops of a thousand to a million products."""

import itertools
from collections.abc import Mapping, Sequence

from benchmarks.common import picture, report
from benchmarks.common.programs import Program
from benchmarks.common.rounds import Case, Row, find
from benchmarks.lists.queries import FIRST_PAGE, Data

SIZES = (1_000, 10_000, 100_000, 1_000_000)
POST = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
function next_request(run, thread, turn)
  return wrk.format(nil, nil, nil, string.format(%s))
end
"""
SIGN_UP = """'{"name": "Jo", "lastname": "Doe", "email": "jo.%s.%d.%d@example.com"}', run, thread, turn"""
CHECK_OUT = """'{"client_id": 1, "delivery_method": 3, "payment_type": "card", "items": '
    .. '[{"product_id": %d, "quantity": 1}, {"product_id": %d, "quantity": 1}]}'"""


def name(size: int) -> str:
    return f"{size:,} products"


def cases(data: Data, size: int, program: Program, page: int) -> list[Case]:
    bought = data.row("products", 0.4), data.row("products", 0.6)
    data.one(
        "WITH more AS (UPDATE products SET stock = stock + 1000000"
        f" WHERE id_key IN {bought} AND stock < 1000000 RETURNING 1) SELECT count(*) FROM more"
    )
    category, deep = data.typical("products", "category_id"), data.row("products", 0.9)
    maker = data.one(f"SELECT name FROM products WHERE id_key = {data.row('products', 0.5)}").split()[0]
    paths = {
        FIRST_PAGE: f"/products?limit={page}",
        "one product": f"/products/{deep}",
        "after_id, at 90 % of the rows": f"/products?limit={page}&after_id={deep}",
        "skip, at 90 % of the rows": f"/products?limit={page}&skip={int(data.count('products') * 0.9)}",
        "category_id": f"/products?limit={page}&category_id={category}",
        "category_id, sort=-price": f"/products?limit={page}&category_id={category}&sort=-price",
        "q, a maker": f"/products?limit={page}&q={maker}",
        "count=true": f"/products?limit={page}&count=true",
    }
    reads = [Case(name(size), what, program, path) for what, path in paths.items()]
    check_out = POST % f"{CHECK_OUT}, {bought[0]}, {bought[1]}"
    return [
        *reads,
        Case(name(size), "create a client", program, "/clients", POST % SIGN_UP),
        Case(name(size), "checkout of two products", program, "/orders/checkout", check_out),
    ]


def write(rows: Sequence[Row], sizes: Sequence[int], told: Mapping[str, str]) -> None:
    asked = [row.case.variant for row in rows if row.case.operation == name(sizes[0])]
    found = {what: [find(rows, name(size), what) for size in sizes] for what in asked}
    lines = [
        (what, *(f"{row.p50_ms:.2f}" for row in of), f"{of[-1].ratio(of[0], 'p50_ms'):.1f}")
        for what, of in found.items()
    ]
    growth = f"{name(sizes[-1])} / {name(sizes[0])}"
    table = report.table(("median ms", *map(name, sizes), growth), lines)
    own = [row for of in found.values() for row in of]
    remarks = "One request at a time, no cache. Clients and orders: a fifth of the products."
    text = f"# Cost by rows\n\n{remarks}\n\n{table}\n\n{report.facts(told)}"
    report.save("scale", text, {**told, "rows": report.raw(own)})
    plot(found, sizes)
    print(f"\n{table}\n\nwritten to benchmarks/results/scale.md, .json and .png")


def plot(found: Mapping[str, Sequence[Row]], sizes: Sequence[int]) -> None:
    drawn, [[axis]] = picture.new(1, 6)
    for (what, of), style in zip(found.items(), itertools.cycle(("o-", "s--", "^:", "D-.")), strict=False):
        axis.plot(sizes, [row.p50_ms for row in of], style, label=what)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("products")
    axis.set_ylabel("median ms of a request")
    picture.legend_beside(axis)
    picture.save(drawn, "Cost by number of rows", report.RESULTS / "scale.png")
