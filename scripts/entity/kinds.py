"""Types of fields: how model, schema and test table declare them."""

from typing import NamedTuple


class Kind(NamedTuple):
    """Texts of one type.

    `python` is the type of the model's attribute, `column` its definition, and `check` the condition that the column
    must meet, with its name. `schema` is the type in the schema, and `length` that of a text, whose schema is a type of
    its own. `example` documents it; numbers have examples already. `row` begins the call in tests/entities.py. `value`
    is that of an object in tests.
    """

    python: str
    column: str = ""
    check: tuple[str, str] | None = None
    schema: str = ""
    length: int = 0
    example: str = ""
    row: str = ""
    value: str = ""


POSITIVE, NOT_NEGATIVE = ("{} > 0", "{}_positive"), ("{} >= 0", "{}_not_negative")
DAY, OTHER_DAY = '"2026-03-04"', '"2026-05-06"'
TIME, OTHER_TIME = '"2026-03-04T05:06:07Z"', '"2026-05-06T07:08:09Z"'

KINDS = {
    "Name": Kind("str", "String(100)", schema="Name", length=100),
    "Text": Kind("str", "Text", length=2000),
    "Price": Kind(
        "MoneyColumn",
        check=POSITIVE,
        schema="Price",
        row="money(999.99, 899.5, refused=(0, -1, 10_000_000_000, 1.001, 0.001, 1e-7)",
        value="999.99",
    ),
    "Money": Kind(
        "MoneyColumn",
        check=NOT_NEGATIVE,
        schema="Money",
        row="money(150.5, 99.9, accepted=(0, 9999999999.99)",
        value="150.5",
    ),
    "Quantity": Kind(
        "int", check=POSITIVE, schema="Quantity", row="integer(2, 3, refused=(0, -1, 2**31, 1.5, 2.0)", value="2"
    ),
    "Stock": Kind("int", check=NOT_NEGATIVE, schema="Stock", row="integer(10, 7, accepted=(0, 2**31 - 1)", value="10"),
    "Moment": Kind(
        "datetime",
        "DateTime(timezone=True)",
        schema="Moment",
        example=TIME,
        row=f"time({TIME}, {OTHER_TIME}",
        value=TIME,
    ),
    "Day": Kind("date", schema="Day", example=DAY, row=f"time({DAY}, {OTHER_DAY}", value=DAY),
    "reference": Kind("int", schema="IdKey", row="REFERENCE"),
}
