"""Sizes of the pools: the shipped defaults against larger ones, at 100 and 400 connections."""

from dataclasses import replace

from benchmarks.common import report
from benchmarks.common.machine import conditions
from benchmarks.common.options import Options
from benchmarks.common.programs import ours, running
from benchmarks.common.report import Target
from benchmarks.common.rounds import Case, Row, measure
from benchmarks.common.servers import Servers
from benchmarks.lists.scale import CHECK_OUT, POST, SIGN_UP
from config.settings import Settings

CONNECTIONS = (100, 400)
SETTINGS = ("db_pool_size", "db_max_overflow", "db_read_connections", "db_threads")
LARGER = dict(zip(SETTINGS, (50, 100, 10, 10), strict=True))
SHIPPED = {name: Settings.model_fields[name].default for name in SETTINGS}
OPERATIONS = {
    "checkout": ("/orders/checkout", POST % f"{CHECK_OUT}, 1 + (turn * 2 + thread) % 500, 501 + (turn + thread) % 500"),
    "create a client": ("/clients", POST % SIGN_UP),
    "a page of 10 clients, not cached": ("/clients?limit=10", ""),
}
REMARKS = f"""
The sizes are {" / ".join(name.upper() for name in SETTINGS)} of each worker. Checkouts are of two of a thousand
products. The service is tuned: no rate limit, no replacement of workers, no log files.
"""


def run(servers: Servers) -> None:
    options = Options.read()
    servers.query("UPDATE products SET stock = stock + 100000000")
    variants = {label(sizes): sizes for sizes in (LARGER, SHIPPED)}
    programs = [
        ours(name, servers.environment(), options.workers, **{key.upper(): str(size) for key, size in sizes.items()})
        for name, sizes in variants.items()
    ]
    rows: list[Row] = []
    with running(programs, servers.folder):
        for connections in CONNECTIONS:
            cases = [
                Case(f"{what}, {connections} connections", program.name, program, path, script)
                for what, (path, script) in OPERATIONS.items()
                for program in programs
            ]
            rows += measure(cases, replace(options, connections=connections))
    told = conditions("python -m benchmarks.defaults pools", options)
    report.write("pools", "Sizes of the pools", rows, (label(LARGER),), told, REMARKS, targets(rows))


def label(sizes: dict[str, int]) -> str:
    return "/".join(map(str, sizes.values())) + " (shipped)" * (sizes == SHIPPED)


def targets(rows: list[Row]) -> list[Target]:
    return [
        Target(f"{what}: shipped / {label(LARGER)}", shipped.ratio(larger), 0.95)
        for what, (larger, shipped) in report.by_operation(rows).items()
    ]
