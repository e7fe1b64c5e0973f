"""Progress of the demo data: a bar for people, lines of JSON for programs."""

import json
import sys
from typing import Any, Protocol, Self


class Progress(Protocol):
    def set_description(self, desc: str) -> None:
        """Name the table that is being filled."""

    def update(self, n: int) -> Any:
        """Count `n` more rows."""


class JsonProgress:
    """Progress as `{"step", "rows", "total"}`, one object on each line of stdout."""

    def __init__(self, total: int) -> None:
        self._step, self._rows, self._total = "", 0, total

    def set_description(self, desc: str) -> None:
        self._step = desc
        self.update(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: the command prints the result."""

    def update(self, n: int) -> None:
        self._rows += n
        print_json(step=self._step, rows=self._rows, total=self._total)


def print_json(**values: Any) -> None:
    sys.stdout.write(f"{json.dumps(values)}\n")
    sys.stdout.flush()
