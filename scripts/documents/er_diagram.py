"""Entity-relationship diagram of the models, docs/ER.md: `python -m scripts.documents.er_diagram`, or `make er`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Column, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql

import models  # noqa: F401 # registers the tables
from config.database import base

FILE = Path(__file__).parents[2] / "docs/ER.md"
TEXT = """# Tables

`make er` writes this file from `models/`; a test compares both.

## Relations

A line leads from the table with the key to the table that refers to it, and names the referring column. `||` is exactly
one row, `|o` at most one, `o{{` any number.

```mermaid
erDiagram
{relations}
```

## Columns

**Bold**: the primary key. `?`: may be null. `→`: refers to the key of that table.

| table | columns |
|---|---|
{rows}
"""
TIMES = "timestamp with time zone"


def er_diagram() -> str:
    """Return the document for the current models."""
    tables = sorted(base.metadata.tables.values(), key=lambda table: table.name)
    relations = [line for table in tables for line in _relations(table)]
    rows = [f"| `{table.name}` | {', '.join(map(_described, table.columns))} |" for table in tables]
    return TEXT.format(relations="\n".join(relations), rows="\n".join(rows))


def _relations(table: Table) -> Iterator[str]:
    for column in table.columns:
        one, many = ("|o" if column.nullable else "||"), ("o|" if _is_unique(column) else "o{")
        for key in column.foreign_keys:
            yield f"    {key.column.table.name} {one}--{many} {table.name} : {column.name}"


def _is_unique(column: Column[Any]) -> bool:
    """Tell whether the column alone is a key of its table."""
    keys = (PrimaryKeyConstraint, UniqueConstraint)
    return any(isinstance(one, keys) and list(one.columns) == [column] for one in column.table.constraints)


def _described(column: Column[Any]) -> str:
    type_name = column.type.compile(postgresql.dialect()).lower().replace(TIMES, "timestamptz")  # type: ignore[no-untyped-call] # SQLAlchemy's
    name = f"**{column.name}**" if column.primary_key else column.name
    targets = "".join(f" → {key.column.table.name}" for key in column.foreign_keys)
    return f"{name} {type_name}{'?' if column.nullable else ''}{targets}"


if __name__ == "__main__":
    FILE.write_text(er_diagram(), encoding="utf-8")
