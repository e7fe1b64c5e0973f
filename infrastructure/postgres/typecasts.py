"""Conversion of values that psycopg2 would return in another form."""

from datetime import UTC, datetime

from psycopg2 import extensions

_NUMERIC_OID, _TIMESTAMPTZ_OID = 1700, 1184


def moment_in_utc(text: str) -> datetime:
    """Parse PostgreSQL's text. It is in the session's time zone, and poolers and roles may set any zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _at_the_end_of_time(text)
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def _at_the_end_of_time(text: str) -> datetime:
    """Parse a moment that is in the year 1 BC or 10000 in the session's zone, and in the year 1 or 9999 in UTC.

    Python has no such years, so the year 2000 stands in: it has the same calendar.
    """
    _, _, rest = text.removesuffix(" BC").partition("-")
    moment = datetime.fromisoformat(f"2000-{rest}").astimezone(UTC)
    return moment.replace(year=moment.year + (-2000 if text.endswith("BC") else 8000))


# A double keeps 15 digits and NUMERIC(12,2) has 12, so the shortest text of the double is the exact amount.
NUMBER = extensions.new_type((_NUMERIC_OID,), "NUMBER", lambda text, _cursor: None if text is None else float(text))
"""NUMERIC as a float, ready for JSON."""
MOMENT = extensions.new_type(
    (_TIMESTAMPTZ_OID,), "MOMENT", lambda text, _cursor: None if text is None else moment_in_utc(str(text))
)
"""TIMESTAMP WITH TIME ZONE in UTC."""
