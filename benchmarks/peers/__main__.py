"""The same four operations on the same PostgreSQL: `python -m benchmarks.peers`, or `make bench-peers`."""

from collections.abc import Sequence
from typing import Any

from benchmarks.common import report
from benchmarks.common.machine import conditions
from benchmarks.common.options import Options
from benchmarks.common.programs import SHIPPED, Program, ours, running, shipped, uvicorn
from benchmarks.common.report import Target
from benchmarks.common.rounds import Case, Row, find, measure
from benchmarks.common.servers import Servers, clean_slate, private_servers
from benchmarks.common.shop import CLIENTS, CREATED, PRODUCT, PRODUCTS, right_answers, write_bodies
from benchmarks.peers.programs import (
    build_go_peer,
    drf,
    fastcrud,
    fastify,
    gin,
    install_fastify,
    install_python_peers,
    litestar,
    versions,
)

BARE, OURS, UNCACHED = "bare ASGI (the limit)", "ours", "ours, without a cache"
FASTIFY, GIN, USUAL, CREATE = "Fastify, pg", "Go: gin, pgx", "the usual way, cached", "create a client"
READS = {"list of 10 products": PRODUCTS, "one product": PRODUCT, "list of 100 clients": CLIENTS}
CREATE_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
function next_request(run, thread, turn)
  return wrk.format(nil, nil, nil, string.format(
    '{"name": "Jo", "lastname": "Doe", "email": "jo.%s.%d.%d@example.com", "telephone": "+15551234567"}',
    run, thread, turn))
end
"""
REMARKS = """
Every peer is written as its documentation advises and returns the same JSON from the same rows. None of the lists
counts its rows. Ours also makes `ETag`, `X-Request-ID` and metrics, which the others do not. "The usual way, cached"
reads products through Redis, too; all other peers read from PostgreSQL. Go is one process on as many cores as the
others have workers.

"Ours, as shipped" is `make run-production` with no setting but RATE_LIMIT_CALLS, so it counts each request and replaces
workers. The other two rows of ours are tuned: no replacement, no bound on connections, no log files. Their rate limit
is off, and that of all peers.
"""


def main() -> None:
    options = Options.read()
    install_python_peers()
    install_fastify()
    build_go_peer()
    with private_servers() as servers:
        servers.fill(products=1000)
        answers = right_answers(servers)
        programs = variants(servers, options.workers, write_bodies(servers, answers))
        with running(programs, servers.folder):
            measured = measure(cases(programs, answers, servers), options)
    told = conditions("make bench-peers", options) | versions()
    title = "The service and its peers"
    report.write("peers", title, measured, (FASTIFY, GIN, BARE), told, REMARKS, targets(measured))


def variants(servers: Servers, workers: int, bodies: str) -> list[Program]:
    where = servers.environment()
    return [
        uvicorn(BARE, "benchmarks.apps.bare:app", {"BODIES": bodies}, workers),
        ours(OURS, where, workers),
        shipped(where),
        ours(UNCACHED, where, workers, REDIS_ENABLED="false"),
        fastify(FASTIFY, where, workers),
        gin(GIN, where, workers),
        litestar(where, workers),
        fastcrud(where, workers),
        drf(where, workers),
        uvicorn(USUAL, "benchmarks.apps.usual:app", where, workers),
    ]


def cases(programs: list[Program], answers: dict[str, Any], servers: Servers) -> list[Case]:
    [(last,)] = servers.query("SELECT max(id_key) FROM clients")
    clean = clean_slate(servers, f"DELETE FROM clients WHERE id_key > {last}", "VACUUM ANALYZE clients")
    reads = [
        Case(operation, program.name, program, path, expected=answers[path])
        for operation, path in READS.items()
        for program in programs
    ]
    posted = {name: value for name, value in CREATED.items() if name != "id_key"}
    creation = {"script": CREATE_SCRIPT, "status": 201, "expected": CREATED, "posted": posted, "after": clean}
    return reads + [Case(CREATE, program.name, program, "/clients", **creation) for program in programs]


def targets(rows: Sequence[Row]) -> list[Target]:
    """Return the targets: ours to the fastest peer; without a cache to the fastest Python peer, to Fastify and Go."""
    aims = []
    for operation, of in report.by_operation(rows).items():
        rivals = [row for row in of if row.case.variant not in (BARE, OURS, SHIPPED, UNCACHED)]
        python = [row for row in rivals if row.case.variant not in (FASTIFY, GIN)]
        ours, uncached = find(of, operation, OURS), find(of, operation, UNCACHED)
        aims.append(Target(f"{operation}: ours / the fastest peer", min(ours.ratio(row) for row in rivals), 1))
        if operation != CREATE:
            claim = f"{operation}: ours without a cache"
            aims.append(Target(f"{claim} / the fastest Python peer", min(uncached.ratio(row) for row in python), 2))
            aims += [
                Target(f"{claim} / {name}", uncached.ratio(find(of, operation, name)), 0.7) for name in (FASTIFY, GIN)
            ]
    return aims


if __name__ == "__main__":
    main()
