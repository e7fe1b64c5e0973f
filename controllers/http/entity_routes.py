"""The routes of an entity, as FastAPI documents them and `EntityRoute` answers them."""

import inspect
from functools import partial
from typing import Annotated, Any, ClassVar

from fastapi import FastAPI, Query
from starlette.responses import Response

from controllers.http.access import ADMINS, Access, Permission, Policy, credentials
from controllers.http.bulk.exports import EXPORT_RESPONSES, export_endpoint
from controllers.http.parameters import Endpoint, typed
from controllers.http.responses import documented
from controllers.http.router import EntityRoute
from schemas.bulk.export_schema import export_query
from schemas.list_query import ListQuery
from services.base_service_impl import BaseService
from services.caching.cached_service import CachedService
from services.context.app_context import AppContext

OF_OBJECT = {"GET": "get", "PUT": "put", "PATCH": "update", "DELETE": "delete"}
OF_COLLECTION = {"GET": "list", "POST": "create"}


class EntityRoutes:
    """Adds routes to the application. A subclass declares the entity's parts."""

    prefix: ClassVar[str]
    service: ClassVar[type[BaseService[Any, Any, Any, Any]]]
    filters: ClassVar[type[ListQuery]]
    access: ClassVar[Access] = Access()

    def __init__(self, app: FastAPI, app_context: AppContext) -> None:
        self.app, self.app_context = app, app_context
        self.use_cases = self.service(app_context)
        self.plural = self.tag()["name"]
        self.object_path = f"{self.prefix}/{{id_key}}"

    @classmethod
    def tag(cls) -> dict[str, str]:
        """Return the name and the description of the entity in the API documentation."""
        return {"name": cls.prefix.strip("/").replace("_", " "), "description": inspect.cleandoc(cls.__doc__ or "")}

    def add_list(self, path: str, endpoint: Endpoint, summary: str, read: Any, *errors: int) -> None:
        queried = typed(endpoint, query=Annotated[self.filters, Query()])
        self.add_read(path, queried, summary, list[read], *errors)

    def add_read(self, path: str, endpoint: Endpoint, summary: str, read: Any, *errors: int) -> None:
        self.add_route(self.access.read, "GET", path, endpoint, summary, read, 304, *errors)

    def add_export(self) -> None:
        """Add the export of all objects, for admins."""
        name = self.prefix.strip("/")
        endpoint = typed(export_endpoint(self.use_cases, name), query=Annotated[export_query(self.filters), Query()])
        described = {
            "responses": EXPORT_RESPONSES,
            "response_class": Response,
            "operation_id": f"{name}_export_all",
        }
        self.add_route(ADMINS, "GET", f"{self.prefix}/export", endpoint, f"Export {self.plural}", None, **described)

    def add_route(
        self,
        policy: Policy,
        method: str,
        path: str,
        endpoint: Endpoint,
        summary: str,
        read: Any,
        *errors: int,
        **options: Any,
    ) -> None:
        """Add a route. `options` are FastAPI's, and replace what is the same for most routes."""
        settings = self.app_context.settings
        guards = credentials(settings)
        route_class: Any = partial(
            EntityRoute,
            permission=Permission.of(policy, self.prefix.strip("/"), is_read=method == "GET"),
            max_body_bytes=settings.max_body_bytes,
            is_audited=settings.audits,
            is_cached=isinstance(self.use_cases, CachedService)
            and method == "GET"
            and path in (self.prefix, self.object_path),
        )
        self.app.router.add_api_route(
            path,
            endpoint,
            methods=[method],
            route_class_override=route_class,
            dependencies=[] if policy.is_public else guards,
            status_code=options.pop("status_code", {"POST": 201, "DELETE": 204}.get(method, 200)),
            response_model=read,
            responses=documented(*errors, *(policy.refusals if guards or not policy.roles else ()))
            | options.pop("responses", {}),
            summary=summary,
            tags=[self.plural],
            operation_id=options.pop("operation_id", operation_id(self.prefix, method, path)),
            **options,
        )


def operation_id(prefix: str, method: str, path: str) -> str:
    """Return the operation's name for client libraries, such as `products_list` and `orders_checkout`."""
    name = "_".join(part for part in path.split("/") if part and part != "{id_key}")
    if path.endswith("/{id_key}"):
        return f"{name}_{OF_OBJECT[method]}"
    return f"{name}_{OF_COLLECTION[method]}" if path.endswith(prefix) else name
