"""Lines about an entity in existing files: registries, rights, descriptions, and the tables of the tests."""

import re
from collections.abc import Callable

from scripts.entity.specification import Entity, Field, SpecificationError
from scripts.entity.tree import Tree

TARGETS = "TARGETS: dict[str, tuple[str, str, Callable[[Factory], Object]]] = {\n"
MACHINERY = 'name = "Entity {} know no machinery"\ntype = "forbidden"\nsource_modules = [\n'
INGRESS = "{service: {name: ecommerce-api, port: {name: http}}}}\n"


def register(tree: Tree, entity: Entity) -> None:
    """Add the entity to all registries. Raises SpecificationError for a file without the expected place."""
    for path, change in CHANGES.items():
        tree.change(path, lambda text, change=change: change(text, entity))  # type: ignore[misc] # bound now


def inserted(text: str, line: str, *, after: str = "", before: str = "") -> str:
    """Return the text with the line behind `after`, or in front of `before`."""
    place = after or before
    start, found, rest = text.partition(place)
    if not found:
        raise SpecificationError(f"no {place.strip()!r} in it")
    return f"{start}{found}{line}\n{rest}" if after else f"{start}{line}\n{found}{rest}"


def sorted_in(text: str, line: str, begin: str, end: str) -> str:
    """Return the text with the line among the sorted lines between `begin` and `end`."""
    start, found, rest = text.partition(begin)
    block, ended, remainder = rest.partition(end)
    if not (found and ended):
        raise SpecificationError(f"no {begin.strip()!r} in it")
    ordered = sorted([*block.splitlines(), line])
    return "".join([start, found, *(f"{each}\n" for each in ordered), ended, remainder])


def in_models(text: str, entity: Entity) -> str:
    model = f"{entity.type_name}Model"
    text = inserted(text, f"from models.{entity.name} import {model}", before="from models.address import")
    return sorted_in(text, f'    "{model}",', "__all__ = [\n", "]\n")


def in_controllers(text: str, entity: Entity) -> str:
    controller = f"{entity.type_name}Controller"
    imported = f"from controllers.{entity.name}_controller import {controller}"
    text = inserted(text, imported, before="from controllers.address_controller import")
    return inserted(text, f"    {controller},", after="    ReviewController,\n")


def in_root_path(text: str, entity: Entity) -> str:
    """Add the path to the words of `RESOURCES`, eight in a line."""
    found = re.search(r"RESOURCES = \(\n(.*?)\n\)", text, re.DOTALL)
    if not found:
        raise SpecificationError("no RESOURCES in it")
    words = sorted([*re.sub(r'[\s"]+', " ", found[1]).split(), entity.table])
    rows = [" ".join(words[start : start + 8]) for start in range(0, len(words), 8)]
    listed = "\n".join(f'    "{row} "' for row in rows[:-1]) + f'\n    "{rows[-1]}"'
    return f"{text[: found.start(1)]}{listed}{text[found.end(1) :]}"


def in_ingress(text: str, entity: Entity) -> str:
    line = f"          - {{path: /{entity.table}, pathType: Prefix, backend: *api}}"
    return sorted_in(text, line, INGRESS, "          - {path: /health_check")


def in_readme(text: str, entity: Entity) -> str:
    return inserted(text, f"| `/{entity.table}` | {entity.label} |", before="| `/health_check`")


def in_import_rules(text: str, entity: Entity) -> str:
    for layer in ("service", "controller"):
        line = f'    "{layer}s.{entity.name}_{layer}",'
        text = sorted_in(text, line, MACHINERY.format(f"{layer}s"), "]\n")
    return text


def in_event_bodies(text: str, entity: Entity) -> str:
    model, schema = f"{entity.type_name}Model", f"{entity.type_name}Schema"
    text = inserted(text, f"from models.{entity.name} import {model}", before="from models.address import")
    text = inserted(text, f"from schemas.{entity.name}_schema import {schema}", before="from schemas.address_schema")
    begin = "SCHEMAS: Mapping[type[BaseModel], type[StoredSchema]] = {\n"
    return sorted_in(text, f"    {model}: {schema},", begin, "}\n")


def in_descriptions(text: str, entity: Entity) -> str:
    """Describe the fields whose names are new."""
    for field in entity.fields:
        described = f"The `id_key` of the {field.target.replace('_', ' ')}." if field.target else f"{field.example}."
        if f'\n    "{field.name}": ' not in text:
            text = inserted(text, f'    "{field.name}": "{described}",', after="FIELDS: Mapping[str, str] = {\n")
    return text


def in_test_table(text: str, entity: Entity) -> str:
    made = f'"{entity.name}_id": ("{entity.type_name}", "/{entity.table}", lambda make: make.{entity.name}())'
    text = inserted(text, f"    {made},", after=TARGETS)
    fields = "".join(f'"{field.name}": {row_of(field)}, ' for field in entity.fields)
    row = f'    Entity("{entity.type_name}", "/{entity.table}", {{{fields}}}'
    if entity.unique:
        message = f"{entity.type_name} {entity.unique.name.replace('_', ' ')} already exists"
        row += f', unique={{"{entity.unique.name}": "{message}"}}'
    return inserted(text, f"{row}),", before=")\n\nevery_entity")


def row_of(field: Field) -> str:
    """Return the field's declaration in the table of the tests."""
    kind, one, other = field.kind, field.example, f"Other {field.name.replace('_', ' ')}"
    if field.target:
        return kind.row
    if field.is_unique:
        bounds = f'accepted=("x", "x" * {kind.length}), refused=("", "  ", "x" * {kind.length + 1})'
        return f'unique_text("{one} {{}}", "{other}", {bounds})'
    if kind.length:
        return f'{"optional_" * field.is_optional}text("{one}", "{other}", {kind.length})'
    if kind.row.startswith("time"):
        return f"{kind.row}, required={not field.is_optional}, nullable={field.is_optional}, default=None)"
    return f"{kind.row}{', required=False, nullable=True' * field.is_optional})"


def in_factory(text: str, entity: Entity) -> str:
    """Add a method that creates an object, with the required fields and the objects that it refers to."""
    values = {field.name: value_of(field) for field in entity.fields if not (field.is_optional or field.target)}
    body = f"{{{', '.join(f'{name!r}: {value}' for name, value in values.items())}}} | fields"
    for field in entity.references:
        body = f'self._with("{field.name}", self.{field.target}, {body})'
    method = (
        f"    def {entity.name}(self, **fields: Any) -> Object:\n"
        f'        return self.post("/{entity.table}", {body})\n'
    )
    return inserted(text, method, before="    def post(self")


def value_of(field: Field) -> str:
    if field.is_unique:
        return f'f"{field.example} {{next(_numbers)}}"'
    return field.kind.value or f'"{field.example}"'


def in_test_of_roles(text: str, entity: Entity) -> str:
    return inserted(text, f'    "{entity.table}": WRITES,', after="TABLES = {\n")


CHANGES: dict[str, Callable[[str, Entity], str]] = {
    "models/__init__.py": in_models,
    "controllers/__init__.py": in_controllers,
    "config/root_path.py": in_root_path,
    "deploy/kubernetes/ingress.yaml": in_ingress,
    "README.md": in_readme,
    "pyproject.toml": in_import_rules,
    "services/events/event_bodies.py": in_event_bodies,
    "controllers/openapi/texts.py": in_descriptions,
    "tests/entities.py": in_test_table,
    "tests/factories.py": in_factory,
    "tests/migrations/test_roles.py": in_test_of_roles,
}
