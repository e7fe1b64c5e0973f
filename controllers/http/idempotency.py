"""Which requests count as repeats of each other."""

import hashlib
import json
from typing import Annotated

from fastapi import Header
from starlette.requests import Request

from repositories.idempotency_repository import RequestKey
from schemas.base_schema import BaseSchema, to_json
from services.auth.principal import PRINCIPAL

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="Repeats with the same key get the first answer, for 24 hours.",
    ),
]


def request_key(request: Request, key: str | None, new: BaseSchema) -> RequestKey | None:
    """None when the request bears no key. Two bodies are the same when their fields are, whatever the spelling."""
    if key is None:
        return None
    method, path = request.method, request.url.path
    fields = json.dumps(new.given(), default=lambda value: to_json(value).decode())  # integers of any length
    fingerprint = hashlib.sha256(f"{method} {path}\n{fields}".encode()).digest()
    return RequestKey(PRINCIPAL.get().name, key, method, path, fingerprint)
