"""Lines of shipments and returns: units of order details."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, Integer, bindparam, func, insert, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from models.base_model import BaseModel
from repositories.transaction import Values


def insert_with_lines(
    session: Session, model: type[BaseModel], line: Any, values: Values, units: Mapping[int, int]
) -> int:
    """Insert an object and its lines, `units` by order detail, and return its key.

    One statement, so that the event of the object contains its lines.
    """
    made = insert(model).values(**values).returning(model.id_key).cte("made")
    details = bindparam("details", list(units), ARRAY(BigInteger))
    quantities = bindparam("quantities", list(units.values()), ARRAY(Integer))
    given = func.unnest(details, quantities).table_valued("detail", "quantity").render_derived()
    key, detail, quantity = line.__table__.columns
    rows = select(made.c.id_key, given.c.detail, given.c.quantity).select_from(made.join(given, true()))
    statement = insert(line).from_select([key, detail, quantity], rows).returning(key)
    return int(session.scalars(statement).all()[0])
