"""Query parameters of lists: pages by position or by key, and one line for each filter."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.base_schema import INT64, MAX_KEY, Moment
from schemas.types.money import MAX_MONEY, WholeCents, amount_schema
from schemas.types.text import TextRule, normalize

DAY = len("2026-01-31")
MAX_WORDS = 10

Operator = Literal["=", ">=", "<=", "words", "fold=", "positive", "present"]


@dataclass(frozen=True)
class Where:
    """Metadata of a filter.

    `words` finds texts that contain all words, `fold=` ignores letter case, `positive` selects numbers > 0, `present`
    values that are not null.
    """

    column: str
    operator: Operator = "="


def where(column: str, operator: Operator = "=") -> Where:
    return Where(column, operator)


def _words(text: str) -> str:
    """Return the visible words with one space between them. Raises an error for more than MAX_WORDS."""
    words = [word for word in text.split() if normalize(word)]
    if len(words) > MAX_WORDS:
        raise PydanticCustomError("too_many_words", "Input should have at most {most} words", {"most": MAX_WORDS})
    return " ".join(words)


IdFilter = Annotated[int, Field(ge=0, le=MAX_KEY, json_schema_extra=INT64)]
MoneyFilter = Annotated[
    Decimal,
    Field(ge=0, le=MAX_MONEY, decimal_places=2, allow_inf_nan=False),
    WholeCents,
    amount_schema(minimum=0),
]
NumberFilter = Annotated[float, Field(allow_inf_nan=False)]
Words = Annotated[str, TextRule(200), AfterValidator(_words)]
FromMoment = Moment
ToMoment = Annotated[Moment, BeforeValidator(lambda text: f"{text}T23:59:59.999999" if len(text) == DAY else text)]


Include = Annotated[
    Literal["timestamps"] | None, Field(description="`timestamps` adds `created_at` and `updated_at` to objects.")
]

FORMS: tuple[Include, ...] = (None, "timestamps")
"""All forms of an object."""


class ObjectQuery(BaseModel):
    """Parameters of every read of an object."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    include: Include = None


class ListQuery(ObjectQuery):
    """Parameters of every list. A subclass adds filters, and lists its sort orders as a Literal."""

    skip: Annotated[int, Field(ge=0, le=2**63 - 1, description="Objects to leave out at the beginning.")] = 0
    limit: Annotated[int, Field(ge=1, le=1000, description="Objects in a page at the most.")] = 100
    after_id: Annotated[
        int | None,
        Field(
            ge=0,
            le=MAX_KEY,
            description="The page after this `id_key` in the order of `sort`, `id_key` or `-id_key`.",
            json_schema_extra=INT64,
        ),
    ] = None
    updated_since: Annotated[
        Moment | None,
        Field(description="Only objects created or changed at this time or later, archived ones included."),
        where("updated_at", operator=">="),
    ] = None
    safe_since: Annotated[Moment | None, Field(description="`X-Safe-Since` of the first page; `Link` has it.")] = None
    count: Annotated[bool, Field(description="Adds `X-Total-Count`: all objects that the filters let through.")] = False
    sort: Annotated[str, Field(pattern="^-?id_key$")] = "id_key"

    OPTIONS: ClassVar[frozenset[str]] = frozenset(
        {"skip", "limit", "after_id", "count", "sort", "format", "include", "safe_since"}
    )
    """Parameters that are no filters."""

    @model_validator(mode="after")
    def _keys_follow_each_other(self) -> Self:
        if self.after_id is not None and self.sort.removeprefix("-") != "id_key":
            raise PydanticCustomError("after_id_order", "after_id needs sort=id_key or sort=-id_key")
        return self

    def is_archived(self) -> bool | None:
        """Return whether the rows must be archived or must not be; None for all rows."""
        return None

    def is_first_page(self) -> bool:
        return not self.skip and self.after_id in (None, self.beyond_all_keys())

    def beyond_all_keys(self) -> int:
        """Return the `after_id` of the first page."""
        return MAX_KEY if self.sort == "-id_key" else 0

    def filters(self) -> dict[str, Any]:
        """Return the filters that are set, in alphabetical order."""
        return {name: value for name in self.filter_names() if (value := getattr(self, name)) is not None}

    def variations(self) -> dict[str, str]:
        """Return filters, other options and `after_id` where they differ from the defaults.

        Equal values have one spelling, so that equal queries share a cache entry.
        """
        options = {"sort": None if self.sort == "id_key" else self.sort, "archived": self.is_archived() or None}
        given = {**self.filters(), **options, "after_id": self.after_id, "include": self.include}
        return {
            name: f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
            for name, value in given.items()
            if value is not None
        }

    @classmethod
    @cache
    def filter_names(cls) -> list[str]:
        return sorted(cls.model_fields.keys() - cls.OPTIONS)

    @classmethod
    def where(cls, name: str) -> Where:
        """Return the column and the operator of the filter `name`."""
        return next(item for item in cls.model_fields[name].metadata if isinstance(item, Where))


class ArchivableQuery(ListQuery):
    """Parameters of lists from which archived objects are missing."""

    archived: Annotated[bool | None, Field(description="`true`: only archived objects. Default: only others.")] = None

    OPTIONS: ClassVar[frozenset[str]] = ListQuery.OPTIONS | {"archived"}

    def is_archived(self) -> bool | None:
        """Return the choice, or its default: lists of changes tell changes of archived objects, too."""
        return False if self.archived is None and self.updated_since is None else self.archived
