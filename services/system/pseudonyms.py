"""Pseudonyms in the audit log, and the ids behind them while the client exists.

The database computes them from a random key of the client (migration 0011). They become meaningless when the key is
deleted.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

Entry = dict[str, Any]

_in_principal = re.compile(r"client:([0-9a-f]{32})").fullmatch
_in_path = re.compile(r"/clients/([0-9a-f]{32})(?=/|$)").match
_masked_id = re.compile(r"(/[a-z_]+/)([0-9a-f]{16})(?=/|$)").match
client_in = re.compile(r"(client:|/clients/)([0-9]{1,18})(?=/|$)").match
"""Finds the id of a client in a principal such as `client:5`, or in a path such as `/clients/5`."""


class ClientKey(NamedTuple):
    client_id: int
    key: bytes


def pseudonym_of(entry: Entry) -> str | None:
    """Return the pseudonym of the client that the entry is about."""
    found = _in_principal(entry["principal"]) or _in_path(entry["path"])
    return found[1] if found else None


def readable(entry: Entry, keys: Mapping[str, ClientKey]) -> Entry:
    """Return the entry with ids in place of pseudonyms, if `keys` has that of its client."""
    if (known := keys.get(pseudonym_of(entry) or "")) is None:
        return entry
    principal, path = entry["principal"], entry["path"]
    if found := _in_path(path):
        path = f"/clients/{known.client_id}{path[found.end():]}"
    elif _in_principal(principal) and (found := _masked_id(path)):
        path = f"{found[1]}{_unmask(found[2], known.key, entry['request_id'])}{path[found.end():]}"
    if _in_principal(principal):
        principal = f"client:{known.client_id}"
    return {**entry, "principal": principal, "path": path}


def _unmask(masked: str, key: bytes, request_id: str) -> int:
    """Return the id that the function `audit_mask` of the database has masked."""
    mask = hashlib.sha256(key + request_id.encode()).digest()[:8]
    return int(masked, 16) ^ int.from_bytes(mask)
