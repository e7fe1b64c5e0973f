"""Whether this process serves for development: `make run` and `python main.py` do, `run_production.py` does not."""

import os

_MARK = "SERVES_DEVELOPMENT"  # the workers inherit it


def mark_development(*, is_development: bool) -> None:
    """Tell this process and the workers that it starts."""
    os.environ[_MARK] = str(is_development).lower()


def is_development() -> bool:
    return os.environ.get(_MARK) == "true"
