"""Amounts of money that are almost whole cents, as sums of floating-point numbers are: 0.30000000000000004."""

from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import BeforeValidator

CENT = Decimal("0.01")
MAX_ERROR = Decimal("0.000001")


def to_whole_cents(value: Any) -> Any:
    """Return the whole cent that the number is close to. Return other values as they are: validation refuses them."""
    try:
        amount = Decimal(value if isinstance(value, int | Decimal) else str(value))
        cents = amount.quantize(CENT)
        is_close = cents - MAX_ERROR <= amount <= cents + MAX_ERROR
    except InvalidOperation:  # no number, infinite, or too large to have cents
        return value
    return (cents or Decimal(0)) if is_close else amount  # without the sign of -0.00


WholeCents = BeforeValidator(to_whole_cents)
