"""Entity tags in request headers, RFC 9110 sections 8.8.3 and 13.1."""

ANY = "*"


def parse_etags(header: str) -> frozenset[str]:
    """Return the tags of `If-Match` or `If-None-Match`. A weak tag counts like a strong one."""
    return frozenset(tag.strip().removeprefix("W/") for tag in header.split(","))


def names_etag(header: str, etag: str) -> bool:
    """Return True if the header names the tag, or any tag."""
    tags = parse_etags(header)
    return ANY in tags or etag in tags


def required_etags(if_match: str | None) -> frozenset[str] | None:
    """Return the allowed tags of the object; None allows every tag."""
    tags = parse_etags(if_match) if if_match is not None else None
    return None if tags is None or ANY in tags else tags
