"""`/openapi.json` beyond the parts that FastAPI reads from the routes: response headers and links."""

from functools import partial
from typing import Any

from fastapi import FastAPI

from controllers.http.router import EntityRoute
from controllers.openapi.examples import add_examples
from controllers.openapi.links import Json, add_links, operations
from controllers.openapi.plain_operations import describe_plain, plain_operations
from controllers.openapi.texts import add_texts


def _header(description: str, *, required: bool = False, **schema: Any) -> Json:
    return {"description": description, "required": required, "schema": schema}


HEADERS = {
    "X-Request-ID": _header(
        "The caller's, or a new one. Log lines contain it.",
        required=True,
        type="string",
        pattern="^[A-Za-z0-9._-]{1,128}$",
    ),
    "X-RateLimit-Limit": _header("Requests a period.", type="integer", minimum=1),
    "X-RateLimit-Remaining": _header("Requests left.", type="integer", minimum=0),
    "X-RateLimit-Reset": _header("Seconds until the count starts to fall.", type="integer", minimum=0),
    "ETag": _header("A hash of the body.", required=True, type="string", pattern='^"[^"]+"$'),
    "X-Cache-Hit": _header(
        "True if the response came from the cache.", required=True, type="string", enum=["true", "false"]
    ),
    "X-Total-Count": _header("With `count=true`: all objects.", type="integer", minimum=0),
    "X-Safe-Since": _header(
        "With `updated_since`: its value for the next list of changes.", type="string", format="date-time"
    ),
    "Link": _header(
        "With `after_id`: RFC 8288 links to the first page, and after a full page to the next.", type="string"
    ),
    "Location": _header("The path of the new object.", required=True, type="string", format="uri-reference"),
    "Idempotency-Replayed": _header("The response is that of an earlier request.", type="string", enum=["true"]),
    "WWW-Authenticate": _header("The accepted credentials.", required=True, type="string"),
    "Retry-After": _header("Seconds.", required=True, type="integer", minimum=1),
}
WITHOUT_ETAG = ("products_batch", "products_import")
LIMITED = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
OF_STATUS = {
    "201": ("Location",),
    "304": ("ETag",),
    "401": ("WWW-Authenticate",),
    "429": ("Retry-After",),
    "503": ("Retry-After",),
}


def complete_description(app: FastAPI) -> None:
    """Complete the document at its first request, so that the start does not wait for it."""
    generate = app.openapi
    completed: Json | None = None

    def openapi() -> Json:
        nonlocal completed
        document = generate()
        if document is not completed:  # FastAPI makes a new one after routes are added
            complete(app, document)
            completed = document
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to change the document


def complete(app: FastAPI, document: Json) -> None:
    cached = {route.path for route in app.routes if isinstance(route, EntityRoute) and route.is_cached}
    describe_plain(app, document)
    document["components"]["headers"] = HEADERS
    document["security"] = []  # unless an operation says otherwise
    document["paths"] = dict(sorted(document["paths"].items(), key=partial(_place, document)))
    add_texts(document)
    add_examples(document)
    plain = plain_operations(app, document)
    for path, method, operation in operations(document):
        given = [item for item in operation.get("parameters", []) if item["schema"].get("type") != "null"]
        operation["parameters"] = [item | {"schema": _present(item["schema"])} for item in given]
        for status, response in operation["responses"].items():
            if status >= "400" and (content := response.get("content")):  # JSON, whatever the class of the response
                response["content"] = {"application/json": next(iter(content.values()))}
            names = _common_names(operation, status)
            if (path, method) not in plain:
                names += _names(operation, status)
            if method == "get" and path in cached and status not in ("401", "429"):
                names += ["X-Cache-Hit"]
            added = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
            response["headers"] = response.get("headers", {}) | added
    add_links(document, {(path, method) for path, method, _ in operations(document)} - plain.keys())


def _place(document: Json, item: tuple[str, Json]) -> tuple[int, int, str]:
    """Return the place of a path: by tag, then the shortest first, and objects before other paths of their length."""
    path, methods = item
    tags = [tag["name"] for tag in document.get("tags", ())]
    [tag] = next(iter(methods.values())).get("tags") or [""]
    return tags.index(tag) if tag in tags else len(tags), path.count("/"), path.replace("{", " ")


def _common_names(operation: Json, status: str) -> list[str]:
    """Return the headers of every operation's responses with this status."""
    errors = OF_STATUS.get(status, ()) if status >= "400" else ()
    return ["X-Request-ID", *errors, *(LIMITED if "429" in operation["responses"] else ())]


def _names(operation: Json, status: str) -> list[str]:
    """Return the headers that responses of entities have besides."""
    names = list(OF_STATUS.get(status, ())) if status < "400" else []
    is_export = "text/csv" in operation["responses"][status].get("content", {})
    is_bulk = operation["operationId"] in WITHOUT_ETAG
    names += ["ETag"] if status == "200" and not (is_export or is_bulk) else []
    parameters = {parameter["name"] for parameter in operation.get("parameters", [])}
    if "count" in parameters and status == "200":
        names += ["X-Total-Count", "X-Safe-Since", "Link"]
    if "Idempotency-Key" in parameters:
        names += ["Idempotency-Replayed"]
    return names


def _present(schema: Json) -> Json:
    """Return the schema without `null`: a parameter is present or absent, and the text "null" is a value."""
    choices: list[Json] = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) != 1:
        return schema
    return choices[0] | {name: value for name, value in schema.items() if name != "anyOf"}
