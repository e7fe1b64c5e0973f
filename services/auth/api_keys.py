"""API keys: their creation, and the principals of requests with a key.

256 random bits need no slow hash, because guessing is hopeless at any cost of the hash. Keys are looked up by their
SHA-256, so the time of a lookup reveals nothing about a key.
"""

import hashlib
import re
import secrets
from typing import NamedTuple

from sqlalchemy.orm import Session

from infrastructure.postgres.database import Database
from repositories.api_key_repository import ApiKeyRepository
from repositories.client_repository import ClientRepository
from repositories.transaction import Transaction
from services.auth.principal import Principal, Role
from services.exceptions import InvalidError, NotFoundError, UnauthorizedError

SECRET_BYTES = 32
_is_possible = re.compile(r"eck_[A-Za-z0-9_-]{43}", re.ASCII).fullmatch


class NewKey(NamedTuple):
    name: str
    key: str


def make_key(session: Session, role: Role, client_id: int | None) -> NewKey:
    """Create a key; only this call returns it. Raises InvalidError, NotFoundError for the client."""
    if role is Role.ANONYMOUS or (role is Role.CLIENT) != (client_id is not None):
        raise InvalidError("role is admin, or client with the client that it is for", "role")
    if client_id is not None and ClientRepository(Transaction(session)).find(client_id) is None:
        raise NotFoundError("Client", client_id)
    made = NewKey(secrets.token_hex(4), f"eck_{secrets.token_urlsafe(SECRET_BYTES)}")
    ApiKeyRepository(session).add(made.name, digest_of(made.key), role, client_id)
    return made


def digest_of(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


async def owner_of(database: Database, key: str) -> Principal:
    """Return the key's principal. Raises UnauthorizedError for an invalid or revoked key, DatabaseUnavailableError."""
    rows = await database.reads.fetch(*ApiKeyRepository.use(digest_of(key))) if _is_possible(key) else []
    if not rows:
        raise UnauthorizedError("Invalid credentials")
    name, role, client_id = rows[0]
    return Principal(Role(role), principal_name(name), client_id)


def principal_name(key_name: str) -> str:
    return f"key:{key_name}"
