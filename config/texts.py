"""Texts of settings: lists, and values on one line without secrets."""

import re

SHOWN_CHARACTERS = 300
# Host, port and database, as they look without a misplaced password.
_PLACE = re.compile(r"(\[[0-9a-fA-F:]+\]|[\w.-]+)?(:\d*)?(/[\w-]*)?(\?db=\w*)?")


def parts_of_list(value: str) -> tuple[str, ...]:
    """Return the parts of a list that is separated by commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def shown_url(value: str, *, is_secret: bool) -> str:
    """Return the URL on one line, without user and password.

    Of a URL that may contain a secret anywhere, only host, port and database remain, and only if they look like that.
    """
    scheme, _, rest = value.partition("://")
    _, at, place = rest.rpartition("@")
    if is_secret and not _PLACE.fullmatch(place):
        place = "(secret)"
    return one_line(f"{scheme}://{'(secret)@' if at else ''}{place}")


def one_line(text: str) -> str:
    """Return at most SHOWN_CHARACTERS of the text, with control characters escaped."""
    line = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]}..."
