"""What is cached under which key: namespaces, their entries, and the requests that mean an entry."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from config.redis_connection import pack_command

DEFAULT_LIMIT, HIGHEST_LIMIT = 100, 1000

# Part of the stamp of every answer. Each greeting of Redis drops it, and with it everything that is cached.
ROOT_TOKEN = "cache:token"  # noqa: S105 # no password

_page = re.compile(rb"skip=(0|[1-9][0-9]{0,8})&limit=([1-9][0-9]{0,3})").fullmatch
_id_key = re.compile(r"[1-9][0-9]{0,8}").fullmatch


@dataclass(frozen=True)
class CacheNamespace:
    """A resource whose reads are cached. `ttl_seconds` None stands for the service's default."""

    name: str
    ttl_seconds: int | None = None

    def page(self, skip: int, limit: int, **filters: object) -> "CacheEntry":
        """A list. The key bears the filters in the order of their names, whatever order they were given in."""
        parts = [f"{name}:{filters[name]}" for name in sorted(filters)]
        return CacheEntry(self, ":".join((f"list:skip:{skip}:limit:{limit}", *parts)))

    def one(self, id_key: int) -> "CacheEntry":
        return CacheEntry(self, f"id:{id_key}")

    def match(self, path: str, query: bytes) -> "CacheEntry | None":
        """The entry that a GET asks for, when it asks in the canonical form; None leaves it to the router."""
        name, _, rest = path[1:].partition("/")
        if name != self.name:
            return None
        if rest:
            return self.one(int(rest)) if not query and _id_key(rest) else None
        if not query:
            return self.page(0, DEFAULT_LIMIT)
        if not (found := _page(query)):
            return None
        skip, limit = map(int, found.groups())
        return self.page(skip, limit) if limit <= HIGHEST_LIMIT else None

    def tokens_of(self, id_keys: Iterable[int]) -> list[str]:
        """The tokens that a change of these objects makes invalid: theirs, and that of the lists."""
        return [f"{self.name}:list:token", *(f"{self.name}:id:{id_key}:token" for id_key in id_keys)]


@dataclass(frozen=True)
class CacheEntry:
    """One cached answer. `name` is its key without the namespace: "id:5"."""

    namespace: CacheNamespace
    name: str

    @cached_property
    def key(self) -> str:
        return f"{self.namespace.name}:{self.name}"

    @cached_property
    def is_list(self) -> bool:
        return self.name.startswith("list:")

    @cached_property
    def tokens(self) -> tuple[str, str]:
        """The token of all answers, and the entry's own: one for all lists of the namespace, one for each object."""
        return ROOT_TOKEN, f"{self.namespace.name}:list:token" if self.is_list else f"{self.key}:token"

    @cached_property
    def route(self) -> str:
        """The template of the route that answers this too, for the metrics."""
        return f"/{self.namespace.name}" if self.is_list else f"/{self.namespace.name}/{{id_key}}"

    @cached_property
    def fetch(self) -> bytes:
        return pack_command(("MGET", *self.tokens, self.key))
