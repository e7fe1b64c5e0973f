"""Settings of a measurement from the environment: ROUNDS, SECONDS, CONNECTIONS, WORKERS."""

import os
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Options:
    rounds: int = 3
    seconds: int = 5
    connections: int = 64
    workers: int = 2

    @classmethod
    def read(cls, **defaults: int) -> Self:
        """Return the benchmark's defaults, overridden by the environment. Exit on a value that is not 1 or more."""
        names = cls.__dataclass_fields__
        return cls(**{name: number(name.upper(), getattr(cls(**defaults), name)) for name in names})

    def __str__(self) -> str:
        return " ".join(f"{name.upper()}={getattr(self, name)}" for name in self.__dataclass_fields__)


def number(name: str, default: int) -> int:
    value = os.environ.get(name, "")
    if value and (not value.isdecimal() or int(value) == 0):
        raise SystemExit(f"{name}={value}: a whole number above 0 is expected")
    return int(value or default)
