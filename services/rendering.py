"""What services hand to controllers: answers as JSON, rendered once, with the hash that names their content."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import repeat
from typing import Any

from schemas.base_schema import to_json


def etag_of(body: bytes) -> str:
    """A strong entity tag: BLAKE2b of the body, 128 bits, in the quotes that the header wants."""
    return f'"{blake2b(body, digest_size=16).hexdigest()}"'


@dataclass(frozen=True, slots=True)
class RenderedJson:
    """The body of a read; `hit` tells whether the cache had it, None where there is no cache."""

    body: bytes
    etag: str
    hit: bool | None = None


def rows_to_dicts(fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows as JSON objects; without a loop of Python's own it takes half as long."""
    return list(map(dict, map(zip, repeat(fields), rows)))


def render(value: Any) -> RenderedJson:
    """The value, rendered."""
    body = to_json(value)
    return RenderedJson(body, etag_of(body))


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """The whole answer to a POST, as it is kept for repeats of the request."""

    status: int
    body: bytes
    location: str | None = None
    replayed: bool = False
