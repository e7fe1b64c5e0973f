"""JSON as requests contain it: with exact numbers, and without the constants that JSON does not have."""

import json
from decimal import Decimal
from typing import Any


def decode_json(text: str) -> Any:
    """Return the value. Raises ValueError, RecursionError or ArithmeticError for a text that is not JSON."""
    return _DECODER.decode(text)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)
