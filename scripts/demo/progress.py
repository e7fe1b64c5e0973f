"""Progress of the demo data: a bar for people, lines of JSON for programs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from rich import progress

from scripts.output import progress_bar, write


class Progress(Protocol):
    def begin(self, step: str) -> None:
        """Name the table that is being filled."""

    def advance(self, rows: int) -> None:
        """Count more rows."""


@dataclass
class Bar:
    shown: progress.Progress
    task: progress.TaskID

    def begin(self, step: str) -> None:
        self.shown.update(self.task, description=step)

    def advance(self, rows: int) -> None:
        self.shown.advance(self.task, rows)


@dataclass
class Lines:
    """Progress as `{"step", "rows", "total"}`, one object on each line of stdout."""

    total: int
    step: str = ""
    rows: int = 0

    def begin(self, step: str) -> None:
        self.step = step
        self.advance(0)

    def advance(self, rows: int) -> None:
        self.rows += rows
        write(True, {"step": self.step, "rows": self.rows, "total": self.total}, "")


@contextmanager
def show_progress(total: int, as_json: bool) -> Iterator[Progress]:
    if as_json:
        yield Lines(total)
    else:
        with progress_bar() as shown:
            yield Bar(shown, shown.add_task("", total=total))
