"""Units of order details within a shipment or a return, as JSON."""

from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by


def lines_of(model: Any, is_line: ColumnElement[bool]) -> ScalarSelect[Any]:
    """Return the rows of `model` for which `is_line` is true, as a JSON list in the order of the details."""
    names: list[ColumnElement[str]] = [literal_column("'order_detail_id'"), literal_column("'quantity'")]
    line = func.json_build_object(names[0], model.order_detail_id, names[1], model.quantity)
    in_order = aggregate_order_by(line, model.order_detail_id)
    lines = func.coalesce(func.json_agg(in_order), literal_column("'[]'::json"))
    return select(lines).where(is_line).correlate_except(model).scalar_subquery()
