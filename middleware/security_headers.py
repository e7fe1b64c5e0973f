"""Headers with which a browser takes an answer for the data that it is, and keeps it to itself."""

from collections.abc import Iterable

Header = tuple[bytes, bytes]

ALWAYS: tuple[Header, ...] = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))

# Whoever knows better, like the documentation pages, says so in its answer.
NOTHING_LOADS: Header = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
NOT_KEPT: Header = (b"cache-control", b"no-store")

# Answers that are the same for all: a cache may keep them, and asks each time whether they still hold.
KEPT_AND_CHECKED: Header = (b"cache-control", b"public, no-cache")
PERSONAL: tuple[Header, ...] = ((b"cache-control", b"private, no-store"), (b"vary", b"Authorization, X-API-Key"))


def missing(headers: Iterable[Header]) -> list[Header]:
    """The defaults for which there is nothing among the headers."""
    names = {name for name, _ in headers}
    return [header for header in (NOTHING_LOADS, NOT_KEPT) if header[0] not in names]
