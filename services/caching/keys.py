"""What is cached under which key: namespaces, their entries, and the requests that mean an entry."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qsl

from infrastructure.redis.protocol import pack_command
from schemas.list_query import ListQuery

# Part of the stamp of every answer. Each greeting of Redis drops it, and with it everything that is cached.
ROOT_TOKEN = "cache:token"  # noqa: S105 # no password

_id_key = re.compile(r"[1-9][0-9]{0,8}").fullmatch


@dataclass(frozen=True)
class CacheNamespace:
    """A resource whose reads are cached: lists as `query` asks for them, and single objects.

    `ttl_seconds` None stands for the service's default.
    """

    name: str
    query: type[ListQuery] = ListQuery
    ttl_seconds: int | None = None

    @property
    def routes(self) -> tuple[str, str]:
        """The templates of the routes that answer the same: of its lists, and of single objects."""
        return f"/{self.name}", f"/{self.name}/{{id_key}}"

    def page(self, query: ListQuery) -> "CacheEntry | None":
        """A list. Searches are not kept: they are too many, and each would push out lists that are asked for again."""
        variations = query.variations()
        if "q" in variations:
            return None
        parts = [f"{name}:{variations[name]}" for name in sorted(variations)]
        return CacheEntry(self, ":".join((f"list:skip:{query.skip}:limit:{query.limit}", *parts)))

    def one(self, id_key: int) -> "CacheEntry":
        return CacheEntry(self, f"id:{id_key}")

    def match(self, path: str, query: bytes) -> "CacheEntry | None":
        """The entry that a GET asks for and that is its whole answer. None leaves it to the router."""
        name, _, rest = path[1:].partition("/")
        if name != self.name:
            return None
        if rest:
            return self.one(int(rest)) if not query and _id_key(rest) else None
        try:
            given = parse_qsl(query.decode("ascii"), keep_blank_values=True)
            asked = self.query.model_validate(dict(given))
        except ValueError:
            return None
        # Headers that only the router knows belong to these.
        if len(given) != len(dict(given)) or asked.count or asked.after_id is not None:
            return None
        return self.page(asked)

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
        of_lists, of_objects = self.namespace.routes
        return of_lists if self.is_list else of_objects

    @cached_property
    def fetch(self) -> bytes:
        return pack_command(("MGET", *self.tokens, self.key))
