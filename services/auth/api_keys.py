"""API keys: how they are made, and which requests they speak for.

256 random bits need no slow hash: nobody finds them by trying, whatever the hash costs. They are looked up by their
SHA-256, so how long a look takes says nothing about any key.
"""

import hashlib
import re
import secrets
from typing import NamedTuple

from sqlalchemy.orm import Session

from infrastructure.postgres.database import Database
from repositories.api_key_repository import ApiKeyRepository
from repositories.client_repository import ClientRepository
from services.auth.principal import Principal, Role
from services.exceptions import InvalidError, NotFoundError, UnauthorizedError

SECRET_BYTES = 32
_is_possible = re.compile(r"eck_[A-Za-z0-9_-]{43}", re.ASCII).fullmatch


class NewKey(NamedTuple):
    name: str
    key: str


def make_key(session: Session, role: Role, client_id: int | None) -> NewKey:
    """The key is told here once and never again. Raises InvalidError, NotFoundError for the client."""
    if role is Role.ANONYMOUS or (role is Role.CLIENT) != (client_id is not None):
        raise InvalidError("role is admin, or client with the client that it is for", "role")
    if client_id is not None and ClientRepository(session).find(client_id) is None:
        raise NotFoundError("Client", client_id)
    made = NewKey(secrets.token_hex(4), f"eck_{secrets.token_urlsafe(SECRET_BYTES)}")
    ApiKeyRepository(session).add(made.name, digest_of(made.key), role, client_id)
    return made


def digest_of(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


async def owner_of(database: Database, key: str) -> Principal:
    """Raises UnauthorizedError for a key that is none, or is none any more; DatabaseUnavailableError."""
    rows = await database.reads.fetch(*ApiKeyRepository.use(digest_of(key))) if _is_possible(key) else []
    if not rows:
        raise UnauthorizedError("Invalid credentials")
    name, role, client_id = rows[0]
    return Principal(Role(role), f"key:{name}", client_id)
