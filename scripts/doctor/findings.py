"""Findings of `shop doctor`, and their text."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

from rich.console import Console
from rich.text import Text

Status = Literal["ok", "warning", "failed", "skipped"]

STYLES: dict[Status, str] = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}
SKEW_SECONDS = 1.0
"""Difference of two clocks that is a warning. Synchronised machines differ by milliseconds."""


class Finding(NamedTuple):
    """Result of one check. `remedy` is a sentence, or empty if the detail names it."""

    area: str
    check: str
    status: Status
    detail: str
    remedy: str = ""


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def collected_warnings() -> Iterator[list[logging.LogRecord]]:
    """Yield the warnings and errors that are logged meanwhile. They do not reach the console."""
    root, collector = logging.getLogger(), _Collector()
    root.addHandler(collector)
    try:
        yield collector.records
    finally:
        root.removeHandler(collector)


def findings_of_start(area: str, check: str, run: Callable[[], Any], detail: str) -> Iterator[Finding]:
    """Yield the findings of a check of the service's start: it logs warnings, and exits if the start must fail."""
    with collected_warnings() as records:
        try:
            run()
        except SystemExit as error:
            yield Finding(area, check, "failed", str(error.code))
            return
    for record in records:
        yield Finding(area, check, "warning", record.getMessage())
    if not records:
        yield Finding(area, check, "ok", detail)


def clock_finding(area: str, skew_seconds: float) -> Finding:
    """Return the finding for a server's clock that is this much ahead of the clock of this machine."""
    if abs(skew_seconds) <= SKEW_SECONDS:
        return Finding(area, "clock", "ok", f"agrees with this machine to {SKEW_SECONDS:g} s")
    direction = "ahead of" if skew_seconds > 0 else "behind"
    remedy = "Synchronise both clocks with NTP, for example with chrony."
    return Finding(area, "clock", "warning", f"{abs(skew_seconds):.1f} s {direction} this machine", remedy)


def show(findings: Sequence[Finding]) -> None:
    """Print the findings by area, in colours on a terminal."""
    console, area = Console(highlight=False, soft_wrap=True), ""
    for finding in findings:
        if finding.area != area:
            area = finding.area
            console.print(Text(area, style="bold"))
        status = (f"  {finding.status:<9}", STYLES[finding.status])
        console.print(Text.assemble(status, f"{finding.check:<13}{finding.detail}"))
        if finding.remedy:
            console.print(Text(f"{'':<11}→ {finding.remedy}"))
    counts = {status: sum(finding.status == status for finding in findings) for status in STYLES}
    console.print(", ".join(f"{number} {status}" for status, number in counts.items() if number))
