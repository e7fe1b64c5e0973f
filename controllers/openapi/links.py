"""Links in the API description, OpenAPI 3.1 section 4.8.20: operations that take an id from a response.

Paths and schemas determine all links. An object's `id_key` leads to the paths with `{id_key}` after its prefix, and to
the bodies that refer to it by its entity's name, as `client_id` refers to a client.
"""

import re
from collections.abc import Iterator, Set
from typing import Any, NamedTuple

Json = dict[str, Any]

ONE = "/{id_key}"


class Id(NamedTuple):
    """An id in a response: the schema of its object, and its place in the body."""

    schema: str
    pointer: str


class Target(NamedTuple):
    """An operation that takes an id: in its path, or as a field of its body."""

    operation_id: str
    field: str | None = None

    def name_from(self, pointer: str) -> str:
        return ".".join([self.operation_id, *([self.field] if self.field else []), *pointer.split("/")[1:]])

    def link_to(self, pointer: str) -> Json:
        value = f"$response.body#{pointer}"
        taken = {"requestBody": {self.field: value}} if self.field else {"parameters": {"id_key": value}}
        return {"operationId": self.operation_id, **taken}


def add_links(document: Json, of_entities: Set[tuple[str, str]]) -> None:
    """Add the links between the operations of entities, given by path and method."""
    links = document["components"].setdefault("links", {})
    paths: dict[str, Json] = {}  # in the document's order, so that all workers have the same document
    for path, method, operation in operations(document):
        if (path, method) in of_entities:
            paths.setdefault(path, {})[method] = operation
    document = {**document, "paths": paths}
    targets = _targets(document)
    for operation_id, response in _successes(document):
        found = _ids(document, response["content"]["application/json"]["schema"])
        for target, pointer in ((target, one.pointer) for one in found for target in targets.get(one.schema, [])):
            if target.operation_id != operation_id:
                name = target.name_from(pointer)
                links[name] = target.link_to(pointer)
                response.setdefault("links", {})[name] = {"$ref": f"#/components/links/{name}"}


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Yield path, method and description of each operation."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _successes(document: Json) -> Iterator[tuple[str, Json]]:
    """Yield the successful JSON responses with the id of their operation."""
    for _, _, operation in operations(document):
        for status, response in operation["responses"].items():
            if status in ("200", "201") and "application/json" in response.get("content", {}):
                yield operation["operationId"], response


def _targets(document: Json) -> dict[str, list[Target]]:
    """Return the operations that take an object's id, by the object's schema."""
    prefixes = {path.removesuffix(ONE): schema for path, schema in _objects(document).items()}
    targets: dict[str, list[Target]] = {schema: [] for schema in prefixes.values()}
    for path, _, operation in operations(document):
        prefix, takes_id, _ = path.partition(ONE)
        if takes_id and prefix in prefixes:
            targets[prefixes[prefix]].append(Target(operation["operationId"]))
        if "requestBody" in operation and not takes_id:
            given = operation["requestBody"]["content"].get("application/json", {}).get("schema", {})
            fields = _resolved(document, given)["properties"] if "$ref" in given else {}
            for schema, found in targets.items():
                if (field := _reference_to(schema)) in fields:
                    found.append(Target(operation["operationId"], field))
    return targets


def _objects(document: Json) -> dict[str, str]:
    """Return the name of the response's schema for each `/things/{id_key}`."""
    reads = {path: methods["get"] for path, methods in document["paths"].items() if path.endswith(ONE)}
    return {
        path: _name(read["responses"]["200"]["content"]["application/json"]["schema"]) for path, read in reads.items()
    }


def _ids(document: Json, schema: Json, pointer: str = "") -> Iterator[Id]:
    """Yield the ids in an object of this schema, and in the first item of its lists. A response's list may be empty."""
    if schema.get("type") == "array" and pointer:
        yield from _ids(document, schema["items"], f"{pointer}/0")
    elif "$ref" in schema:
        properties = _resolved(document, schema).get("properties", {})
        if "id_key" in properties:
            yield Id(_name(schema), f"{pointer}/id_key")
        for name, part in properties.items():
            yield from _ids(document, part, f"{pointer}/{name}")


def _resolved(document: Json, schema: Json) -> Json:
    found: Json = document["components"]["schemas"][_name(schema)]
    return found


def _name(schema: Json) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _reference_to(schema: str) -> str:
    """Return `product_id` for ProductSchema."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", schema.removesuffix("Schema")).lower() + "_id"
