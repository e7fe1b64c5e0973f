"""A cached list of 10 products, from a bare ASGI app to the usual way: `python -m benchmarks.hot_path`."""

from collections.abc import Sequence

from benchmarks.common import report
from benchmarks.common.machine import conditions
from benchmarks.common.options import Options
from benchmarks.common.programs import SHIPPED, UNREACHABLE, ours, running, shipped, uvicorn
from benchmarks.common.report import Target
from benchmarks.common.rounds import Case, Row, find, measure
from benchmarks.common.servers import Servers, private_servers
from benchmarks.common.shop import PRODUCTS, right_answers, write_bodies
from benchmarks.peers.programs import build_go_peer, fastify, gin, install_fastify, versions

LIST = "a cached list of 10 products"
BARE, FASTAPI, USUAL = "bare ASGI (the limit)", "FastAPI, ready bytes", "the usual way, limiter"
HIT, UNLIMITED, MISS = "ours: hit, limiter", "ours: hit, no limiter", "ours: miss, limiter"
UNCACHED, REFUSED = "ours: no cache, no limiter", "ours: 429"
FASTIFY, GIN = "Fastify, ioredis, limiter", "Go: gin, redigo, limiter"

# Each request names a list that is not in the cache yet, with the same 10 products: lookup, query, store.
MISS_SCRIPT = """
local start = 1000000 + (tonumber(os.time()) % 100000) * 1000
function next_request(run, thread, turn)
  return wrk.format("GET", string.format("/products?skip=0&limit=10&max_price=%d.%d", start + turn, THREAD))
end
"""
REMARKS = """
One client address, so that every limiter has the same key to count. The limits are never reached, but for the row of
the 429s. All run on two cores: Go as one process, the others as two.

- "as shipped": `make run-production` with no setting but RATE_LIMIT_CALLS, so with the limiter, replacement of workers
  and log files. The other rows of ours are tuned: no replacement, no bound on connections, no log files.
- "the usual way": a `BaseHTTPMiddleware` with redis-py, JSON decoded and validated again, a session for each request.
- Fastify pipelines its commands, keeps the list as text in Redis and counts with `@fastify/rate-limit`.
- Go keeps the list as text in Redis and counts in a fixed window: `INCR` and `EXPIRE` in one round trip. Ours has a
  sliding window.
"""


def main() -> None:
    options = Options.read(connections=400, seconds=10)
    install_fastify()
    build_go_peer()
    with private_servers() as servers:
        servers.fill(products=1000)
        cases = variants(servers, options.workers)
        with running(list(dict.fromkeys(case.program for case in cases)), servers.folder):
            rows = measure(cases, options)
    told = conditions("make bench-hot", options) | {name: versions()[name] for name in ("Node", "Go")}
    report.write("hot_path", "The hot path", rows, (BARE, USUAL, FASTIFY, GIN), told, REMARKS, targets(rows))


def variants(servers: Servers, workers: int) -> list[Case]:
    answers, where = right_answers(servers), servers.environment()
    bodies = {"BODIES": write_bodies(servers, answers)}
    limit = {"RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_CALLS": UNREACHABLE}
    refusing = {"RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_CALLS": "1", "RATE_LIMIT_PERIOD": "86400", "REDIS_DB": "2"}
    limited = ours(HIT, where, workers, **limit)
    usual = uvicorn(USUAL, "benchmarks.apps.usual:app", {**where, "RATE_LIMIT": UNREACHABLE}, workers)
    rival, answer = {"CACHED": "1", "RATE_LIMIT": UNREACHABLE}, answers[PRODUCTS]
    return [
        Case(LIST, BARE, uvicorn(BARE, "benchmarks.apps.bare:app", bodies, workers), PRODUCTS, expected=answer),
        Case(LIST, FASTAPI, uvicorn(FASTAPI, "benchmarks.apps.ready_bytes:app", bodies, workers), PRODUCTS),
        Case(LIST, HIT, limited, PRODUCTS, expected=answer),
        Case(LIST, SHIPPED, shipped(where), PRODUCTS, expected=answer),
        Case(LIST, UNLIMITED, ours(UNLIMITED, where, workers), PRODUCTS, expected=answer),
        Case(LIST, MISS, limited, PRODUCTS, MISS_SCRIPT),
        Case(LIST, UNCACHED, ours(UNCACHED, where, workers, REDIS_ENABLED="false"), PRODUCTS, expected=answer),
        Case(LIST, REFUSED, ours(REFUSED, where, workers, **refusing), PRODUCTS, status=429),
        Case(LIST, FASTIFY, fastify(FASTIFY, where, workers, **rival), PRODUCTS, expected=answer),
        Case(LIST, GIN, gin(GIN, where, workers, **rival), PRODUCTS, expected=answer),
        Case(LIST, USUAL, usual, PRODUCTS, expected=answer),
    ]


def targets(rows: Sequence[Row]) -> list[Target]:
    hit, bare, usual, node, go = (find(rows, LIST, name) for name in (HIT, BARE, USUAL, FASTIFY, GIN))
    return [
        Target("requests/s: hit with limiter / bare ASGI", hit.ratio(bare), 0.7),
        Target("requests/s: hit with limiter / the usual way", hit.ratio(usual), 20),
        Target("requests/s: hit with limiter / Fastify with limiter", hit.ratio(node), 1),
        Target("requests/s: hit with limiter / Go with limiter", hit.ratio(go), 1),
        Target("p99: hit with limiter / bare ASGI", hit.ratio(bare, "p99_ms"), 3, at_most=True),
    ]


if __name__ == "__main__":
    main()
