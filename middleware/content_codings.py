"""Content codings and their negotiation, RFC 9110 sections 8.4.1 and 12.5.3."""

import re
import sys
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Compress = Callable[[bytes, int], bytes]

MEMO_ENTRIES = 1024
MAX_HEADER_BYTES = 256  # browsers send 23; longer headers get plain bodies, and cannot fill the memo

_match_item = re.compile(
    r"([\w!#$%&'*+.^`|~-]+)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?", re.I | re.A
).fullmatch


def _gzip(body: bytes, level: int) -> bytes:
    return zlib.compress(body, level, 16 + zlib.MAX_WBITS)  # with gzip's header, without a time: equal for equal bodies


CODINGS: Mapping[str, Compress] = {"zstd": zstd.compress, "gzip": _gzip}
"""The best first. The second argument of a function is its level."""


class Choice(NamedTuple):
    """The coding of a client's choice. With `is_required`, it accepts no plain bodies."""

    coding: str
    is_required: bool


@lru_cache(MEMO_ENTRIES)
def choose_coding(accept_encoding: bytes) -> Choice | None:
    """Return the coding with the highest weight, for equal weights the best; None stands for plain bodies.

    A client that accepts nothing that we have gets plain bodies too.
    """
    weights = _weights(accept_encoding.decode("latin-1"))
    others = weights.get("*", 0.0)
    offered = {coding: weights.get(coding, others) for coding in CODINGS}
    coding = max(offered, key=offered.__getitem__)
    plain = weights.get("identity", weights.get("*"))
    if not offered[coding] or offered[coding] < (plain or 0):
        return None
    return Choice(coding, is_required=plain == 0)


def _weights(header: str) -> dict[str, float]:
    """Return the weight of each coding. Malformed items count as absent."""
    weights = {}
    for item in header.lower().split(","):
        if match := _match_item(item.strip(" \t")):
            weights[match[1].removeprefix("x-")] = float(match[2] or 1)
    return weights
