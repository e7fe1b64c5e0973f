"""Specification of a new entity: its name and fields, as `supplier` and `name:Name!,city:Text?,product:Product`."""

import keyword
import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.dialects.postgresql.base import RESERVED_WORDS

from schemas.base_schema import StoredSchema
from scripts.entity.kinds import KINDS, Kind

FORM = "name:Type, with ? behind the type for an optional field, or ! for a unique Name"
OWN_NAMES = {"id_key", "created_at", "updated_at", "search_text", "metadata", "registry", "label", "entity_name"}
CLIENTS = (
    "rows of a client are personal data, and you decide who sees, exports and erases them: generate the entity without "
    "this field, then follow 'Add rows of clients' in docs/ARCHITECTURE.md"
)

_is_name = re.compile(r"[a-z]+(_[a-z]+)*").fullmatch
_is_field_name = re.compile(r"[a-z][a-z0-9_]{0,59}").fullmatch
_parse_field = re.compile(r"([^:]+):([A-Za-z]+)([?!]?)").fullmatch


class SpecificationError(Exception):
    """The entity cannot be generated as it is specified."""


@dataclass(frozen=True)
class Field:
    """`target` is the entity that a reference leads to, and empty otherwise."""

    name: str
    kind: Kind
    is_optional: bool = False
    is_unique: bool = False
    target: str = ""

    @property
    def example(self) -> str:
        """Return a text for people, such as `Opening hours`."""
        return self.name.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Entity:
    """`name` and `table` are in snake case, singular and plural."""

    name: str
    table: str
    fields: tuple[Field, ...]

    @property
    def type_name(self) -> str:
        return camel_case(self.name)

    @property
    def label(self) -> str:
        """Return the plural for sentences."""
        return self.table.replace("_", " ")

    @property
    def references(self) -> list[Field]:
        return [field for field in self.fields if field.target]

    @property
    def unique(self) -> Field | None:
        return next((field for field in self.fields if field.is_unique), None)


def camel_case(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def plural(name: str) -> str:
    if re.search("[^aeiou]y$", name):
        return f"{name[:-1]}ies"
    return f"{name}es" if re.search("(s|x|z|ch|sh)$", name) else f"{name}s"


def parse(name: str, fields: str, root: Path) -> Entity:
    """Return the entity. Raises SpecificationError with the reason why the tree at `root` cannot have it."""
    if not _is_name(name) or keyword.iskeyword(name):
        raise SpecificationError(f"name={name}: must be a singular in snake case, such as purchase_order")
    table = plural(name)
    for pattern in (f"models/**/{name}.py", f"controllers/**/{name}_controller.py"):
        if existing := next(root.glob(pattern), None):
            raise SpecificationError(f"name={name}: {existing.relative_to(root)} exists already")
    parsed = tuple(parse_field(part.strip(), root) for part in fields.split(",") if part.strip())
    names = [field.name for field in parsed]
    if repeated := {each for each in names if names.count(each) > 1}:
        raise SpecificationError(f"fields: {', '.join(sorted(repeated))} is there more than once")
    if sum(field.is_unique for field in parsed) > 1:
        raise SpecificationError("fields: at most one can be unique; add further indexes by hand")
    if all(field.target for field in parsed):
        raise SpecificationError("fields: at least one must be no reference")
    return Entity(name, table, parsed)


def parse_field(text: str, root: Path) -> Field:
    parts = _parse_field(text)
    if not parts:
        raise SpecificationError(f"{text}: must be {FORM}")
    name, type_name, mark = parts.groups()
    kind = KINDS.get(type_name)
    if not kind:
        return parse_reference(name, type_name, mark, root)
    if problem := problem_of_name(name):
        raise SpecificationError(f"{text}: {problem}")
    if mark == "!" and type_name != "Name":
        raise SpecificationError(f"{text}: only a Name can be unique")
    return Field(name, kind, is_optional=mark == "?", is_unique=mark == "!")


def parse_reference(name: str, type_name: str, mark: str, root: Path) -> Field:
    """Return the field `NAME_id` for `name:Target`. The name is that of the target, as in all references."""
    target = re.sub(r"(?<!^)(?=[A-Z])", "_", type_name).lower()
    known = f'"{target}_id": (' in (root / "tests/entities.py").read_text(encoding="utf-8")
    if not known:
        raise SpecificationError(f"{name}:{type_name}: the types are {', '.join(KINDS)}, and entities such as Product")
    if target == "client":
        raise SpecificationError(f"{name}:{type_name}: {CLIENTS}")
    if name.removesuffix("_id") != target or mark:
        raise SpecificationError(f"{name}:{type_name}{mark}: a reference is {target}:{type_name}, and required")
    return Field(f"{target}_id", KINDS["reference"], target=target)


def problem_of_name(name: str) -> str | None:
    """Return the reason why a field cannot have this name, or None."""
    if not _is_field_name(name):
        return "the name of a field has small letters, digits and _"
    if name in OWN_NAMES or hasattr(StoredSchema, name) or keyword.iskeyword(name):
        return "the name is taken by every entity, or by Python"
    if name in RESERVED_WORDS:
        return "the name is a word of SQL"
    return "names that end with _id are references" if name.endswith("_id") else None
