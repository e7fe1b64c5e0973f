"""Output of the commands: text or JSON on stdout, and progress on stderr, which only terminals show."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def write(as_json: bool, value: Any, text: str) -> None:
    """Write the value as one line of JSON, or else the text."""
    sys.stdout.write(f"{orjson.dumps(value).decode()}\n" if as_json else text)
    sys.stdout.flush()


@contextmanager
def waiting(description: str) -> Iterator[None]:
    """Show that a step is under way whose length is unknown."""
    with Console(stderr=True).status(description):
        yield


def progress_bar() -> Progress:
    """Return a bar for steps with a known number of rows."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
