"""Entity tags in headers, RFC 9110 sections 8.8.3 and 13.1.

Each content coding of a response has a strong tag of its own: that of the plain body with the coding's name at its end.
Clients may send any of them, so they are compared without it.
"""

from middleware.compression import CODINGS

ANY = "*"
_SUFFIXES = tuple(f'-{coding}"' for coding in CODINGS)


def etag_for_coding(etag: str, coding: str) -> str:
    """Return the tag of the body in this coding."""
    return f'{etag[:-1]}-{coding}"'


def parse_etags(header: str) -> frozenset[str]:
    """Return the tags of `If-Match` or `If-None-Match`, as those of plain bodies. Weak tags count like strong ones."""
    return frozenset(_of_plain_body(tag.strip().removeprefix("W/")) for tag in header.split(","))


def names_etag(header: str, etag: str) -> bool:
    """Return True if the header names the tag of a plain body, in any coding, or any tag."""
    tags = parse_etags(header)
    return ANY in tags or etag in tags


def required_etags(if_match: str | None) -> frozenset[str] | None:
    """Return the allowed tags of the object; None allows every tag."""
    tags = parse_etags(if_match) if if_match is not None else None
    return None if tags is None or ANY in tags else tags


def _of_plain_body(tag: str) -> str:
    return f'{tag.rpartition("-")[0]}"' if tag.endswith(_SUFFIXES) else tag
