"""One database transaction as repositories see it: a session, and a record of the changes made through it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from models.base_model import BaseModel

Values = Mapping[str, Any]


@dataclass(slots=True)
class Changes:
    """Keys of changed rows by table, and stock as (before, after) by product."""

    rows: dict[str, set[int]] = field(default_factory=partial(defaultdict, set))
    stock: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, later: "Changes") -> None:
        """Merge changes that were made after these."""
        for table, id_keys in later.rows.items():
            self.rows[table].update(id_keys)
        self.stock.update(later.stock)


class Attempt(NamedTuple):
    """The write in progress; a database error is explained with its values."""

    model: type[BaseModel]
    values: Values


@dataclass(slots=True)
class Transaction:
    session: Session
    changes: Changes = field(default_factory=Changes)
    attempt: Attempt | None = None
