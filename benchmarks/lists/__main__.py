"""Lists of a million rows, without a cache, one request at a time: `python -m benchmarks.lists`.

PRODUCTS (1,000,000) sets the size, PAGE (10) the objects in a page. `.data/bench-lists` keeps the data for later runs.
"""

from collections.abc import Sequence

from benchmarks.common import report
from benchmarks.common.machine import conditions
from benchmarks.common.options import Options, number
from benchmarks.common.programs import Program, ours, running
from benchmarks.common.report import Target, figure
from benchmarks.common.rounds import Case, Row, find, measure
from benchmarks.common.servers import Servers, private_servers
from benchmarks.lists import scale
from benchmarks.lists.plans import write_plans
from benchmarks.lists.queries import FIRST_PAGE, Data, Query, every_query
from scripts.demo.fill import refresh_statistics

PRODUCTS, PAGE = number("PRODUCTS", 1_000_000), number("PAGE", 10)
REMARKS = f"""
{PRODUCTS:,} products, a fifth as many clients and orders; no cache, no rate limit, one connection, {PAGE} a page.
The cost of a request is its median time from end to end, as a ratio to the first page of the plain list of the same
resource in the same round. Plans: [lists_plans.md](lists_plans.md).
"""


def main() -> None:
    options = Options.read(connections=1, workers=1, seconds=2)
    with private_servers(keep="lists") as servers:
        sizes = [size for size in scale.SIZES if size < PRODUCTS] + [PRODUCTS]
        for size in sizes:
            print(f"a shop of {size:,} products ...", flush=True)
            servers.fill(size, database(size))
            refresh_statistics(servers.settings(database(size)))
        queries = every_query(Data(servers, database(PRODUCTS)))
        write_plans(servers, database(PRODUCTS), queries, PAGE)
        programs = {size: program(servers, size) for size in sizes}
        cases = [as_case(query, programs[PRODUCTS]) for query in queries]
        for size in sizes:
            cases += scale.cases(Data(servers, database(size)), size, programs[size], PAGE)
        with running(list(programs.values()), servers.folder):
            rows = measure(cases, options)
    told = conditions("make bench-lists", f"PRODUCTS={PRODUCTS} PAGE={PAGE} {options}")
    write([row for row in rows if row.case.operation not in map(scale.name, sizes)], queries, told)
    scale.write(rows, sizes, told)


def database(size: int) -> str:
    return f"shop_{size}"


def program(servers: Servers, size: int) -> Program:
    return ours(f"{size:,} products", servers.environment(database(size)), 1, REDIS_ENABLED="false")


def as_case(query: Query, program: Program) -> Case:
    return Case(query.resource, query.what, program, query.path(PAGE))


def write(rows: Sequence[Row], queries: Sequence[Query], told: dict[str, str]) -> None:
    targets, sections = [], []
    for resource, of in report.by_operation(rows).items():
        lines = []
        for row, query in zip(of, [query for query in queries if query.resource == resource], strict=True):
            cost = row.ratio(find(rows, resource, FIRST_PAGE), "p50_ms")
            target = Target(f"{resource}: {query.what}", cost, query.bound or 0, at_most=True)
            verdict = (f"<= {query.bound:g}", "yes" if target.is_met else "no") if query.bound else ("", "")
            lines.append((query.what, f"{row.p50_ms:.2f}", f"{row.p99_ms:.2f}", figure(cost), *verdict, row.errors))
            targets += [target] if query.bound else []
        table = report.table(("what", "p50 ms", "p99 ms", "x first page", "target", "met", "errors"), lines)
        sections.append(f"## {resource}\n\n{table}")
    met = f"{sum(target.is_met for target in targets)} of {len(targets)} targets are met."
    text = "\n\n".join(["# Lists", REMARKS.strip(), met, *sections, report.facts(told)])
    report.save("lists", text, {**told, "rows": report.raw(rows)})
    print("\n\n".join([*sections, met, "written to benchmarks/results/lists.md and .json"]))


if __name__ == "__main__":
    main()
