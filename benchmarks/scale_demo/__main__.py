"""Faults of every server under load: `python -m benchmarks.scale_demo`, or `make scale-demo`.

It starts PostgreSQL with two standbys, a cluster of Valkey, PgBouncer and nginx if they are installed, and two
instances of the service. Customers use the shop while a standby, a Valkey master, an instance and the primary are
killed. The exit code is 1 if a customer has read something stale, or if a write is lost or doubled.
"""

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic

from benchmarks.common import report
from benchmarks.common.machine import conditions
from benchmarks.scale_demo.customers import Customer, Outcome, new_customers
from benchmarks.scale_demo.faults import Timeline, play
from benchmarks.scale_demo.figures import HEADER, rows, seconds_of
from benchmarks.scale_demo.picture import plot
from benchmarks.scale_demo.site import Site, start
from benchmarks.scale_demo.watch import Watch, watching
from config.settings import Settings
from scripts.audit import audit
from tests.replication import run
from tests.servers import address

NAME = "scale_demo"
REMARKS = """
Two instances with a worker each, PostgreSQL with two standbys (one of them synchronous), three Valkey masters with a
replica each, all on the same cores. 16 customers wait 30 ms on average between two requests: 60 % cached reads, 32 %
reads of their own client, 8 % writes. Every second one never writes, so that reads show while all writes wait. Each row
reaches up to the next fault. Failed: no answer, or a status of 500 and above.
"""


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that all servers stop
    folder = Path(tempfile.mkdtemp(prefix="scale-demo-"))
    try:
        with ExitStack() as stack:
            problems = show(start(stack, folder))
    except KeyboardInterrupt:
        sys.exit("stopped")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if problems:
        sys.exit("\n".join(problems))


def show(site: Site) -> list[str]:
    """Play the faults under load, write the results, and return what was stale, lost or doubled."""
    timeline, begin = Timeline(), monotonic()
    customers = new_customers(site.entrances)
    with watching(site) as watch, using(customers):
        play(site, timeline)
        end = monotonic()
    problems = [*customers[0].ledger.stale, *lost_or_doubled(site, customers)]
    outcomes = [outcome for customer in customers for outcome in customer.outcomes]
    write(site, watch, outcomes, timeline, begin, end, problems)
    return problems


@contextmanager
def using(customers: Sequence[Customer]) -> Iterator[None]:
    """Let the customers use the shop during the block."""
    with ThreadPoolExecutor(len(customers)) as threads:
        ended = [threads.submit(customer.run) for customer in customers]
        try:
            yield
        finally:
            customers[0].ledger.stop.set()
        for one in ended:
            one.result()


def lost_or_doubled(site: Site, customers: Sequence[Customer]) -> Iterator[str]:
    """Compare the database with the answers. The last request of a customer may have no answer."""
    for customer in customers:
        orders = run(site.primary, f"SELECT count(*) FROM orders WHERE client_id = {customer.client}")
        name = int(run(site.primary, f"SELECT name FROM clients WHERE id_key = {customer.client}"))
        price = run(site.primary, f"SELECT price FROM products WHERE id_key = {customer.product}")
        if not customer.bought <= orders <= customer.bought + 1:
            yield f"client {customer.client} has {orders} orders, and {customer.bought} were answered"
        if name < customer.name or price < customer.ledger.prices[customer.product]:
            yield f"a write of client {customer.client} is lost"
    settings = Settings(_env_file=None, **{name.lower(): value for name, value in address(site.primary).items()})
    yield from (f"{found.check}: {found.problem}" for found in audit(settings))


def write(
    site: Site,
    watch: Watch,
    outcomes: Sequence[Outcome],
    timeline: Timeline,
    begin: float,
    end: float,
    problems: Sequence[str],
) -> None:
    names = {f"127.0.0.1:{standby.port}": f"standby {number}" for number, standby in enumerate(site.standbys, 1)}
    seconds = seconds_of(outcomes, begin, end)
    plot(seconds, watch.behind, timeline, begin, report.RESULTS / f"{NAME}.png")
    table = report.table(HEADER, rows(outcomes, timeline, end))
    reads = {names.get(server, server): count for server, count in watch.reads.items()}
    served = ", ".join(f"{count:,} by {server}" for server, count in sorted(reads.items()))
    verdict = [
        f"{len(outcomes):,} requests in {end - begin:.0f} s; stale, lost or doubled: {len(problems) or 'nothing'}.",
        f"Uncached reads: {served}.",
        *problems[:20],
    ]
    text = "\n".join(f"- {line}" for line in verdict)
    print(f"\n{table}\n\n{text}\n\nwritten to benchmarks/results/{NAME}.md, .json and .png")
    told = conditions("make scale-demo", "")
    figures = {
        **told,
        "marks": [mark._replace(at=mark.at - begin)._asdict() for mark in timeline.marks],
        "seconds": [second._asdict() for second in seconds],
        "reads": reads,
        "problems": list(problems),
    }
    report.save(NAME, f"# Faults under load\n\n{REMARKS.strip()}\n\n{table}\n\n{text}\n\n{report.facts(told)}", figures)


if __name__ == "__main__":
    main()
