"""Anonymous connections whose tokens name unknown keys, while the identity provider misbehaves."""

import http.client
import multiprocessing
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from multiprocessing import Queue
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from statistics import median
from typing import NamedTuple

from benchmarks.attacks.provider import ALGORITHMS, BEHAVIOURS, PrivateKeys, serve, token
from benchmarks.common import report
from benchmarks.common.programs import Program, ours, running
from benchmarks.common.report import Target
from benchmarks.common.servers import Servers
from infrastructure.embedded.ports import LOOPBACK, free_port

ANONYMOUS = 20
SECONDS = 10
PAUSE_SECONDS = 31  # the service asks the provider again 30 s after a successful answer
HEADER = (
    "provider",
    "fetches",
    "statuses of the anonymous",
    "p50 ms alone",
    "during",
    "added",
    "p99 ms alone",
    "during",
)
REMARKS = f"""
## Tokens

One worker for each behaviour of the provider, all with the keys that it served at first. {ANONYMOUS} connections repeat
requests with tokens of unknown keys for {SECONDS} s, while one connection sends valid tokens that the worker has not
seen, HS256 and RS256 in turn. `invalid tokens` is the same with tokens that never need the provider: the cost of the
requests themselves.
"""
CONTROL = "invalid tokens"


class Outcome(NamedTuple):
    fetches: int
    statuses: dict[int, int]
    alone_ms: list[float]
    during_ms: list[float]
    failures: int

    def added_ms(self) -> float:
        return median(self.during_ms) - median(self.alone_ms)


class Provider(NamedTuple):
    """Identity provider in a process of its own. It serves its keys until `is_hostile` is set."""

    port: int
    is_hostile: "Synchronized[int]"
    fetches: "Synchronized[int]"


def run(servers: Servers) -> tuple[str, list[Target], object]:
    keys, names = PrivateKeys.make(), [CONTROL, *BEHAVIOURS]
    with ExitStack() as stack:
        providers = {name: stack.enter_context(provided(name, keys)) for name in names}
        programs = {name: program(servers, name, provider.port) for name, provider in providers.items()}
        stack.enter_context(running(list(programs.values()), servers.folder))
        for each in programs.values():
            ask(each, keys, 2)  # fetches the keys
        time.sleep(PAUSE_SECONDS)
        outcomes = {}
        for name in names:
            outcomes[name] = measure(programs[name], providers[name], keys)
            print(f"{name}: added {outcomes[name].added_ms():.1f} ms, {outcomes[name].statuses}", flush=True)
    table = report.table(HEADER, [line(name, outcome) for name, outcome in outcomes.items()])
    raw = {name: outcome._asdict() for name, outcome in outcomes.items()}
    return f"{REMARKS.strip()}\n\n{table}", targets(outcomes), raw


def program(servers: Servers, name: str, port: int) -> Program:
    settings = {"AUTH_MODE": "jwt", "JWT_JWKS_URL": f"http://{LOOPBACK}:{port}/keys", **PrivateKeys.settings()}
    return ours(name, servers.environment(), 1, **settings)


@contextmanager
def provided(name: str, keys: PrivateKeys) -> Iterator[Provider]:
    context = multiprocessing.get_context("spawn")
    provider = Provider(free_port(), context.Value("i", 0), context.Value("i", 0))
    process = context.Process(target=serve, args=(name, keys.public_document(), *provider), daemon=True)
    process.start()
    try:
        yield provider
    finally:
        process.kill()
        process.join()


def measure(program: Program, provider: Provider, keys: PrivateKeys) -> Outcome:
    alone, failures = ask(program, keys, SECONDS)
    before, provider.is_hostile.value = provider.fetches.value, 1
    with attacked(program, keys, is_control=program.name == CONTROL) as statuses:
        during, more_failures = ask(program, keys, SECONDS)
    return Outcome(provider.fetches.value - before, dict(statuses), alone, during, failures + more_failures)


def ask(program: Program, keys: PrivateKeys, seconds: float) -> tuple[list[float], int]:
    """Send valid tokens, a new one each time, and return the latencies in ms and the number of refusals."""
    connection = http.client.HTTPConnection(LOOPBACK, program.port, timeout=30)
    latencies, failures, end = [], 0, time.monotonic() + seconds
    while time.monotonic() < end:
        valid = token(keys, ALGORITHMS[len(latencies) % len(ALGORITHMS)])
        time.sleep(0.01)
        begin = time.monotonic()
        failures += request(connection, valid) != 200
        latencies.append(1000 * (time.monotonic() - begin))
    connection.close()
    return latencies, failures


@contextmanager
def attacked(program: Program, keys: PrivateKeys, *, is_control: bool) -> Iterator[Counter[int]]:
    statuses: Counter[int] = Counter()
    context = multiprocessing.get_context("spawn")
    ended, results = context.Event(), context.Queue()
    process = context.Process(target=flood, args=(program.port, keys, is_control, ended, results))
    process.start()
    results.get()  # it has begun
    try:
        yield statuses
    finally:
        ended.set()
        statuses.update(results.get())
        process.join()


def flood(port: int, keys: PrivateKeys, is_control: bool, ended: Event, results: "Queue[dict[int, int]]") -> None:
    statuses: Counter[int] = Counter()
    # Signing is slow, so a part of one signature is replaced: the service looks for the key before it checks it.
    forged = [token(keys, "RS256", kid=f"unknown-{number}") for number in range(ANONYMOUS)]
    parts = [("not.a.", "token") if is_control else (each[:-20], each[-12:]) for each in forged]

    def repeat(number: int) -> None:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=30)
        count = 0
        while not ended.is_set():
            count += 1
            statuses[request(connection, f"{count:08}".join(parts[number]))] += 1
        connection.close()

    threads = [threading.Thread(target=repeat, args=(number,)) for number in range(ANONYMOUS)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    results.put({})
    for thread in threads:
        thread.join()
    results.put(dict(statuses))


def request(connection: http.client.HTTPConnection, bearer: str) -> int:
    try:
        connection.request("GET", "/products/1", headers={"Authorization": f"Bearer {bearer}"})
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0
    return response.status


def line(name: str, outcome: Outcome) -> tuple[object, ...]:
    statuses = ", ".join(f"{count:,} x {status}" for status, count in sorted(outcome.statuses.items()))
    alone, during = outcome.alone_ms, outcome.during_ms
    figures = median(alone), median(during), outcome.added_ms(), p99(alone), p99(during)
    return name, outcome.fetches, statuses, *(f"{figure:.1f}" for figure in figures)


def p99(latencies: list[float]) -> float:
    return sorted(latencies)[int(len(latencies) * 0.99)]


def targets(outcomes: Mapping[str, Outcome]) -> list[Target]:
    slowest = max(outcomes[name].added_ms() for name in BEHAVIOURS)
    return [
        Target("ms added to valid tokens, median", slowest, 10, at_most=True),
        Target("valid tokens that are refused", sum(each.failures for each in outcomes.values()), 0, at_most=True),
    ]
