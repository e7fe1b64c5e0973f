"""API keys: their format, and the principals of requests with a key.

A key is `eck_`, 43 random characters (256 bits), and their checksum in 6 characters, so that secret scanners recognize
a key without asking, and the service refuses a mistyped one without a query. Random keys need no slow hash, because
guessing is hopeless at any cost of the hash. They are looked up by their SHA-256, so the time of a lookup reveals
nothing about a key.
"""

import hashlib
import re
import secrets
import string
import zlib
from collections.abc import Iterable
from datetime import datetime
from ipaddress import ip_network
from typing import NamedTuple, Self

from infrastructure.postgres.database import Database
from repositories.system.api_key_repository import ApiKeyRepository, UsedKey
from repositories.transaction import Values
from services.auth.principal import Principal, Role
from services.auth.restrictions import Restrictions
from services.exceptions import UnauthorizedError

PREFIX = "eck_"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_LENGTH = 43  # 62 ** 43 > 2 ** 256
CHECKSUM_LENGTH = 6  # 62 ** 6 > 2 ** 32
_parts = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{RANDOM_LENGTH}}})([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})").fullmatch
_is_without_checksum = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}", re.ASCII).fullmatch
"""Keys that versions before checksums made."""


class NewKey(NamedTuple):
    """`name` identifies the key in limits and in the audit log. It is not secret."""

    name: str
    key: str

    @classmethod
    def make(cls) -> Self:
        random = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
        return cls(secrets.token_hex(4), f"{PREFIX}{random}{checksum(random)}")

    def columns(self) -> Values:
        """Return the values to store. The key is not among them."""
        return {"name": self.name, "digest": digest_of(self.key)}


def checksum(text: str) -> str:
    """Return the CRC-32 in base 62, as GitHub's tokens have it."""
    rest, digits = zlib.crc32(text.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def is_possible(key: str) -> bool:
    """Return True if the text has the form of a key, and the right checksum if it has one."""
    parts = _parts(key)
    return checksum(parts[1]) == parts[2] if parts else _is_without_checksum(key) is not None


def digest_of(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


async def owner_of(database: Database, key: str) -> Principal:
    """Return the key's principal. Raises UnauthorizedError for an invalid or ended key, DatabaseUnavailableError."""
    rows = await database.reads.fetch(*ApiKeyRepository.use(digest_of(key))) if is_possible(key) else []
    if not rows:
        raise UnauthorizedError("Invalid credentials")
    used = UsedKey(*rows[0])
    restrictions = restrictions_of(used.scopes, used.networks, used.expires_at)
    return Principal(Role(used.role), principal_name(used.name), used.client_id, restrictions)


def principal_name(key_name: str) -> str:
    return f"key:{key_name}"


def restrictions_of(
    scopes: Iterable[str] | None, networks: Iterable[str] | None, expires_at: datetime | None
) -> Restrictions:
    """Return the restrictions that a row, or the request for a key, describes."""
    return Restrictions(
        None if scopes is None else frozenset(scopes),
        None if networks is None else tuple(map(ip_network, networks)),
        expires_at,
    )
