"""Examples in `/openapi.json`. Swagger UI fills them in, and each succeeds in a demo shop (`make demo`).

The body of a request comes from the `example` of its schema, or from the examples of the schema's fields.
"""

from typing import Any

from controllers.openapi.links import Json, operations

FIRST = 1
UNUSED = 2
"""Key of the demo shop's category, client and product that nothing refers to."""
PATH_IDS = dict.fromkeys(("categories_delete", "clients_delete", "products_delete"), UNUSED) | {
    "orders_returns_create": 3,
    "returns_receive": 2,
    "returns_refund": 3,
}
"""Ids of operations that need another object than the first."""


def add_examples(document: Json) -> None:
    """Add an example for each id in a path, and for each JSON body without one."""
    for _, _, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path" and parameter["name"] == "id_key":
                parameter["example"] = PATH_IDS.get(operation["operationId"], FIRST)
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body and "example" not in body:
            add_body(document, body)


def add_body(document: Json, body: Json) -> None:
    """Add the example of the schema. A body of several kinds gets one of each, by their names."""
    kinds = [_resolved(document, kind) for kind in body["schema"].get("oneOf", ())]
    if kinds:
        body["examples"] = {kind["title"]: {"value": _example(kind)} for kind in kinds}
    elif schema := _resolved(document, body["schema"]):
        body["example"] = _example(schema)


def _resolved(document: Json, schema: Json) -> Json:
    """Return the schema of an object: the one referred to, or the choice next to `null`."""
    for choice in [schema, *schema.get("anyOf", ())]:
        if "$ref" in choice:
            found: Json = document["components"]["schemas"][choice["$ref"].rpartition("/")[2]]
            return found
    return {}


def _example(schema: Json) -> Any:
    fields = schema.get("properties", {})
    given = schema.get("example") or {name: _first(field) for name, field in fields.items()}
    return {name: given[name] for name in fields if given.get(name) is not None}


def _first(field: Json) -> Any:
    """Return the first example of a field, or of its values other than `null`. Return None if there is none."""
    examples = [choice["examples"] for choice in [field, *field.get("anyOf", ())] if "examples" in choice]
    return examples[0][0] if examples else None
