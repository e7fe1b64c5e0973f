"""Texts of the five files of an entity. isort and black bring them into their final form."""

from scripts.entity.specification import Entity, Field, camel_case, plural

# Everything that a file may need. ruff removes the imports that it does not.
MODEL = '''"""{title}."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, DateTime, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base_model import BaseModel, MoneyColumn, ordered_index, reference


class {type}Model(BaseModel):
    __tablename__ = "{table}"
{arguments}
{columns}
'''
SCHEMA = '''"""Schemas of {label}."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.base_schema import BaseSchema, Day, IdKey, Moment, Name, Quantity, Stock, StoredSchema, absent
from schemas.list_query import IdFilter, ListQuery, where
from schemas.types.money import Money, Price
from schemas.types.text import TextRule

{types}

class {type}Create(BaseSchema):
{created}


class {type}Update(BaseSchema):
{updated}


class {type}Schema({type}Create, StoredSchema):
    """Stored {singular}."""


class {type}Filters(ListQuery):
{filters}
    sort: Literal["id_key", "-id_key"] = "id_key"
'''
REPOSITORY = '''"""SQL of {singular} rows."""

from models.{name} import {type}Model
from repositories.base_repository_impl import BaseRepository


class {type}Repository(BaseRepository[{type}Model]):
    model = {type}Model
'''
SERVICE = '''"""The rules of {label}."""

from models.{name} import {type}Model
from repositories.{name}_repository import {type}Repository
from schemas.{name}_schema import {type}Create, {type}Schema, {type}Update
from services.base_service_impl import BaseService


class {type}Service(BaseService[{type}Model, {type}Create, {type}Update, {type}Schema]):
    repository = {type}Repository
    schema = {type}Schema
{messages}
'''
CONTROLLER = '''"""{titles} over HTTP."""

from controllers.base_controller_impl import BaseController
from schemas.{name}_schema import {type}Create, {type}Filters, {type}Schema, {type}Update
from services.{name}_service import {type}Service


class {type}Controller(BaseController[{type}Create, {type}Update, {type}Schema]):
    """{titles}."""

    prefix = "/{table}"
    service = {type}Service
    filters = {type}Filters
'''
FILES = {
    "models/{}.py": MODEL,
    "schemas/{}_schema.py": SCHEMA,
    "repositories/{}_repository.py": REPOSITORY,
    "services/{}_service.py": SERVICE,
    "controllers/{}_controller.py": CONTROLLER,
}


def sources(entity: Entity) -> dict[str, str]:
    """Return the texts of the five files by their paths."""
    singular = entity.name.replace("_", " ")
    texts = {
        "name": entity.name,
        "table": entity.table,
        "type": entity.type_name,
        "singular": singular,
        "label": entity.label,
        "title": singular.capitalize(),
        "titles": entity.label.capitalize(),
        "arguments": table_arguments(entity),
        "columns": lines(model_line(field) for field in entity.fields),
        "types": "".join(text_type(entity, field) for field in entity.fields),
        "created": lines(created_line(entity, field) for field in entity.fields),
        "updated": lines(
            f"{field.name}: {schema_type(entity, field)}{' | None' * field.is_optional} = absent()"
            for field in entity.fields
        ),
        "filters": lines(
            f'{field.name}: Annotated[IdFilter | None, where("{field.name}")] = None' for field in entity.references
        ),
        "messages": unique_messages(entity),
    }
    return {path.format(entity.name): template.format(**texts) for path, template in FILES.items()}


def lines(texts: object) -> str:
    return "\n".join(f"    {text}" for text in texts)  # type: ignore[attr-defined]


def table_arguments(entity: Entity) -> str:
    """Return `__table_args__`: the conditions on columns, and the index of each reference."""
    arguments = [
        f'CheckConstraint("{field.kind.check[0]}", name="{field.kind.check[1]}")'.format(*[field.name] * 2)
        for field in entity.fields
        if field.kind.check
    ]
    arguments += [f'ordered_index("{field.name}")' for field in entity.references]
    return f"    __table_args__ = ({', '.join(arguments)},)\n" if arguments else ""


def model_line(field: Field) -> str:
    if field.target:
        return f'{field.name}: Mapped[int] = reference("{plural(field.target)}.id_key")'
    column = ", ".join([field.kind.column] * bool(field.kind.column) + ["unique=True"] * field.is_unique)
    mapped = f"Mapped[{field.kind.python}{' | None' * field.is_optional}]"
    return f"{field.name}: {mapped}{f' = mapped_column({column})' if column else ''}"


def has_own_type(field: Field) -> bool:
    """Return True for a text with a rule of its own: a long one, or one that may be empty."""
    return bool(field.kind.length) and (not field.kind.schema or field.is_optional)


def schema_type(entity: Entity, field: Field) -> str:
    return f"{entity.type_name}{camel_case(field.name)}" if has_own_type(field) else field.kind.schema


def text_type(entity: Entity, field: Field) -> str:
    """Return the declaration of the field's own type. A text that may be null may be empty, too."""
    if not has_own_type(field):
        return ""
    rule = f"TextRule({field.kind.length}{', min_length=0' * field.is_optional})"
    return f'{schema_type(entity, field)} = Annotated[str, {rule}, Field(examples=["{field.example}"])]\n'


def created_line(entity: Entity, field: Field) -> str:
    example = field.kind.example or f'"{field.example}"' * bool(field.kind.length and not has_own_type(field))
    declared = f"{field.name}: {schema_type(entity, field)}{' | None' * field.is_optional}"
    if example:
        return f"{declared} = Field({'default=None, ' * field.is_optional}examples=[{example}])"
    return f"{declared}{' = None' * field.is_optional}"


def unique_messages(entity: Entity) -> str:
    if not entity.unique:
        return ""
    name = entity.unique.name
    message = f"{entity.type_name} {name.replace('_', ' ')} already exists"
    return f'    unique_messages = {{"uq_{entity.table}_{name}": "{message}"}}'
