"""Amounts of money: whole cents within bounds, as plain JSON numbers."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from schemas.base_schema import Number

MAX_MONEY = Decimal("9999999999.99")
CENT = Decimal("0.01")
MAX_ERROR = Decimal("0.000001")


def to_whole_cents(value: Any) -> Any:
    """Return the whole cent that the number is close to, as sums of floating-point numbers are: 0.30000000000000004.

    Return other values as they are: validation refuses them.
    """
    try:
        amount = Decimal(value if isinstance(value, int | Decimal) else str(value))
        cents = amount.quantize(CENT)
        is_close = cents - MAX_ERROR <= amount <= cents + MAX_ERROR
    except InvalidOperation:  # no number, infinite, or too large to have cents
        return value
    return (cents or Decimal(0)) if is_close else amount  # without the sign of -0.00


def amount_schema(**bounds: float) -> WithJsonSchema:
    """Return the schema of whole cents. JSON Schema has no words for the values close to them."""
    return WithJsonSchema({"type": "number", "maximum": float(MAX_MONEY), "multipleOf": 0.01, **bounds})


WholeCents = BeforeValidator(to_whole_cents)
JsonNumber = PlainSerializer(float, return_type=float, when_used="json")
"""FastAPI would serialize a Decimal as text."""
Price = Annotated[
    Decimal,
    JsonNumber,
    Field(gt=0, le=MAX_MONEY, decimal_places=2),
    WholeCents,
    Number,
    amount_schema(exclusiveMinimum=0),
    Field(examples=[999.99]),
]
Money = Annotated[
    Decimal,
    JsonNumber,
    Field(ge=0, le=MAX_MONEY, decimal_places=2),
    WholeCents,
    Number,
    amount_schema(minimum=0),
    Field(examples=[150.5]),
]
