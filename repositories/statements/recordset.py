"""Many rows as one parameter: a JSON text that PostgreSQL reads as a table. It costs one statement for any number."""

from functools import cache
from typing import Any

from models.base_model import BaseModel
from repositories.statements.statement import sql_type


@cache
def recordset(model: type[BaseModel], names: tuple[str, ...], *others: str) -> str:
    """Return the SQL of the table `given`, read from the parameter `rows`: columns of the model, and `others`."""
    table: Any = model.__table__
    columns = [f"{name} {sql_type(table.columns[name])}" for name in names]
    return f"json_to_recordset(cast(%(rows)s AS json)) AS given ({', '.join([*others, *columns])})"
