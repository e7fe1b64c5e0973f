"""Rounds: every case in turn, forward and backward, so that a disturbance of the machine affects all alike."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.common.options import Options
from benchmarks.common.programs import Program
from benchmarks.common.wrk import Sample, wrk

WARM_UP_SECONDS = 3  # JavaScript compiles at run time, caches start empty, connections are not open yet


@dataclass(frozen=True)
class Case:
    """One row of a table: a request to a program, and the response that it must give before it is measured.

    `posted` is the body of a creation. Its response must be `expected` but for the key.
    """

    operation: str
    variant: str
    program: Program
    path: str
    script: str = ""
    status: int = 200
    expected: Any = None
    posted: Any = None
    after: Callable[[], Any] | None = None

    def check(self) -> None:
        """Exit if the program returns another status or other data, because it would not be comparable."""
        if self.script and self.posted is None:
            return
        status, body = fetch(self.program.url + self.path, self.posted)
        if status != self.status:
            raise SystemExit(f"{self.variant}: {self.path} answered {status}: {body[:500]!r}")
        if self.expected is not None:
            answer = json.loads(body)
            if self.posted is not None:
                answer["id_key"] = self.expected["id_key"]
            if answer != self.expected:
                raise SystemExit(f"{self.variant}: {self.path} answered other data: {body[:500]!r}")


@dataclass
class Row:
    case: Case
    samples: list[Sample] = field(default_factory=list)
    notes: list[Any] = field(default_factory=list)
    megabytes: float = 0

    @property
    def rate(self) -> float:
        return median(sample.rate for sample in self.samples)

    @property
    def p50_ms(self) -> float:
        return median(sample.p50_ms for sample in self.samples)

    @property
    def p99_ms(self) -> float:
        return median(sample.p99_ms for sample in self.samples)

    def ratios(self, base: "Row", figure: str = "rate") -> list[float]:
        """Return the ratios to the same rounds of `base`, the lowest first."""
        pairs = zip(self.samples, base.samples, strict=True)
        return sorted(getattr(own, figure) / getattr(other, figure) for own, other in pairs)

    def ratio(self, base: "Row", figure: str = "rate") -> float:
        return median(self.ratios(base, figure))

    @property
    def errors(self) -> int:
        refused = 0 if self.case.status >= 400 else sum(sample.refused for sample in self.samples)
        return refused + sum(sample.broken for sample in self.samples)


def find(rows: Sequence[Row], operation: str, variant: str) -> Row:
    return next(row for row in rows if (row.case.operation, row.case.variant) == (operation, variant))


def measure(cases: Sequence[Case], options: Options) -> list[Row]:
    """Warm up and check all cases, then measure each once a round."""
    rows = [Row(case) for case in cases]
    for row in rows:
        print(f"warming up {row.case.operation}: {row.case.variant} ...", flush=True)
        wrk(
            row.case.program.url + row.case.path,
            options.connections,
            min(WARM_UP_SECONDS, options.seconds),
            row.case.script,
        )
        row.case.check()
        row.case.program.settle()
        if row.case.after:
            row.case.after()
    started, total = time.monotonic(), options.rounds * len(rows)
    for number in range(options.rounds):
        for place, row in enumerate(rows if number % 2 == 0 else reversed(rows), number * len(rows) + 1):
            _run(row, options)
            left = (time.monotonic() - started) / place * (total - place)
            last = row.samples[-1]
            print(
                f"round {number + 1}/{options.rounds}  {place:>3}/{total}  {row.case.operation}: {row.case.variant}"
                f"  {last.rate:,.0f}/s  p50 {last.p50_ms:.2f} ms  ({left:.0f} s left)",
                flush=True,
            )
    return rows


def _run(row: Row, options: Options) -> None:
    case = row.case
    row.samples.append(wrk(case.program.url + case.path, options.connections, options.seconds, case.script))
    row.megabytes = case.program.megabytes_a_worker()
    case.program.settle()
    if case.after:
        row.notes.append(case.after())


def fetch(url: str, posted: Any = None) -> tuple[int, bytes]:
    """Return status and body of a GET, or of a POST of JSON."""
    body = None if posted is None else json.dumps(posted).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"} if body else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def fetch_json(url: str) -> Any:
    status, body = fetch(url)
    if status != 200:
        raise SystemExit(f"{url} answered {status}: {body[:500]!r}")
    return json.loads(body)
