"""Description of plain FastAPI routes: the errors, headers and credentials that the service adds to them."""

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.routing import APIRoute

from controllers.http.access import Policy, credentials
from controllers.http.plain.plain_routes import PlainRoutes, policies_of
from controllers.http.responses import DOCUMENTED, documented
from controllers.openapi.links import Json
from middleware.fast_path import UNCOUNTED

Operations = dict[tuple[str, str], Json]


def plain_operations(app: FastAPI, document: Json) -> Operations:
    """Return the operations of plain routes by path and method."""
    return {(path, method): document["paths"][path][method] for path, method, _ in _documented_routes(app)}


def describe_plain(app: FastAPI, document: Json) -> None:
    """Add what each operation answers besides its own responses. Health checks are neither limited nor guarded."""
    guards = credentials(app.state.app_context.settings)
    for path, method, policies in _documented_routes(app):
        if any(path == name or path.startswith(f"{name}/") for name in UNCOUNTED):
            continue
        operation = document["paths"][path][method]
        refusals = {status for policy in policies for status in policy.refusals} if guards else ()
        too_long = (413,) if "requestBody" in operation else ()
        added = {str(status): _response(int(status)) for status in documented(*refusals, *too_long)}
        operation["responses"] = added | operation["responses"] | {"422": added["422"]}
        if guards and not all(policy.is_public for policy in policies):
            operation["security"] = [{guard.dependency.scheme_name: []} for guard in guards]


def _documented_routes(app: FastAPI) -> Iterator[tuple[str, str, list[Policy]]]:
    for context in PlainRoutes(app):
        if isinstance(context.original_route, APIRoute) and context.include_in_schema:
            for method in context.methods or ():
                yield str(context.path_format), method.lower(), policies_of(context)


def _response(status: int) -> Json:
    description, model = DOCUMENTED[status]["description"], DOCUMENTED[status]["model"]
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}
