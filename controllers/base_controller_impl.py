"""The routes that every entity has. A subclass declares its parts and adds routes of its own."""

import inspect
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Annotated, Any, ClassVar, Generic, NamedTuple, TypeVar, get_args

from fastapi import FastAPI, Header, Query
from starlette.requests import Request
from starlette.responses import Response

from controllers.http.access import Access, Policy, credentials
from controllers.http.idempotency import IdempotencyKey, request_key
from controllers.http.pagination import list_response
from controllers.http.parameters import PathId
from controllers.http.responses import answer_response, document_response, documented
from controllers.http.route import EntityRoute
from repositories.idempotency_repository import RequestKey
from schemas.base_schema import BaseSchema
from schemas.list_query import ListQuery
from services.app_context import AppContext
from services.base_service_impl import BaseService
from services.rendering import StoredResponse, etag_of

Create = TypeVar("Create", bound=BaseSchema)
Update = TypeVar("Update", bound=BaseSchema)
Read = TypeVar("Read", bound=BaseSchema)

Endpoint = Callable[..., Any]
UseCase = Callable[[Any, RequestKey | None], Awaitable[StoredResponse]]
IfMatch = Annotated[
    str | None, Header(alias="If-Match", description="An `ETag` that the object must still have.", examples=["*"])
]

NO_OBJECTS = etag_of(b"[]")  # an empty list is told by this, since a 304 has no body


class Parent(NamedTuple):
    """An entity under whose objects this one is listed as well, and the filter that picks an object's own."""

    prefix: str
    filter: str
    service: type[BaseService[Any, Any, Any, Any]]


class BaseController(Generic[Create, Update, Read]):
    prefix: ClassVar[str]
    service: ClassVar[type[BaseService[Any, Any, Any, Any]]]
    filters: ClassVar[type[ListQuery]]
    parents: ClassVar[tuple[Parent, ...]] = ()
    access: ClassVar[Access] = Access()

    def __init__(self, app: FastAPI, app_context: AppContext) -> None:
        self.app, self.app_context = app, app_context
        self.use_cases = self.service(app_context)
        self.plural = self.prefix.strip("/").replace("_", " ")

    def register(self) -> None:
        """Add all routes; those of the subclass come first, so that none of them is taken for an `id_key`."""
        create, update, read = get_args(type(self).__orig_bases__[0])  # type: ignore[attr-defined] # Generic keeps it
        one, name = f"{self.prefix}/{{id_key}}", self.service.repository.model.label()
        self.add_routes()
        self.add_list(self.prefix, self.list_all, f"List {self.plural}", read)
        for parent in self.parents:
            path = f"{parent.prefix}/{{id_key}}{self.prefix}"
            self.add_list(path, self.listing_of(parent), f"List {self.plural} of one parent", read, 404)
        self.add_read(one, self.get_one, f"Get: {name}", read, 404)
        self.add_post(self.prefix, create, self.use_cases.save, f"Create: {name}", read)
        change = typed(self.change, changes=update)
        for method in ("PUT", "PATCH"):
            self.add_route(self.access.change, method, one, change, f"Change: {name}", read, 400, 404, 409, 412, 413)
        self.add_route(self.access.delete, "DELETE", one, self.delete, f"Delete: {name}", None, 404, 409, 412)

    def add_routes(self) -> None:
        """Routes of the entity's own."""

    async def list_all(self, request: Request, query: Any) -> Response:
        return await list_response(request, self.use_cases, query)

    async def get_one(self, request: Request, id_key: PathId) -> Response:
        return document_response(request, await self.use_cases.get_one(id_key))

    async def change(self, request: Request, id_key: PathId, changes: Any, if_match: IfMatch = None) -> Response:
        """Fields that are sent replace, fields left out stay as they are."""
        return document_response(request, await self.use_cases.update(id_key, changes, if_match))

    async def delete(self, id_key: PathId, if_match: IfMatch = None) -> Response:
        await self.use_cases.delete(id_key, if_match)
        return Response(status_code=204)

    def listing_of(self, parent: Parent) -> Endpoint:
        service = parent.service(self.app_context)

        async def list_of_parent(request: Request, id_key: PathId, query: Any) -> Response:
            own = query.model_copy(update={parent.filter: id_key})
            response = await list_response(request, self.use_cases, own)
            if response.headers["ETag"] == NO_OBJECTS:
                await service.get_one(id_key)
            return response

        return list_of_parent

    def add_list(self, path: str, endpoint: Endpoint, summary: str, read: Any, *errors: int) -> None:
        queried = typed(endpoint, query=Annotated[self.filters, Query()])
        self.add_read(path, queried, summary, list[read], *errors)

    def add_read(self, path: str, endpoint: Endpoint, summary: str, read: Any, *errors: int) -> None:
        self.add_route(self.access.read, "GET", path, endpoint, summary, read, 304, *errors)

    def add_post(
        self, path: str, create: Any, use_case: UseCase, summary: str, read: Any, policy: Policy | None = None
    ) -> None:
        """A POST that can be repeated safely: `use_case` gets what is sent, and the request's key if it bears one."""

        async def post(request: Request, new: Any, key: IdempotencyKey = None) -> Response:
            return answer_response(await use_case(new, request_key(request, key, new)))

        policy = policy or self.access.create
        self.add_route(policy, "POST", path, typed(post, new=create), summary, read, 400, 404, 409, 413)

    def add_route(
        self, policy: Policy, method: str, path: str, endpoint: Endpoint, summary: str, read: Any, *errors: int
    ) -> None:
        settings = self.app_context.settings
        guards = credentials(settings)
        route_class: Any = partial(EntityRoute, policy=policy, max_body_bytes=settings.max_body_bytes)
        self.app.router.add_api_route(
            path,
            endpoint,
            methods=[method],
            route_class_override=route_class,
            dependencies=[] if policy.is_public else guards,
            status_code={"POST": 201, "DELETE": 204}.get(method, 200),
            response_model=read,
            responses=documented(*errors, *(policy.refusals if guards else ())),
            summary=summary,
            tags=[self.plural],
            operation_id=f"{method.lower()}{path}".replace("/", "_").replace("{", "").replace("}", ""),
        )


def typed(endpoint: Endpoint, **annotations: Any) -> Endpoint:
    """The endpoint with the types of one entity in its signature, which FastAPI reads to validate and to document."""
    signature = inspect.signature(endpoint, eval_str=True)

    @wraps(endpoint)
    async def of_entity(**arguments: Any) -> Response:
        response: Response = await endpoint(**arguments)
        return response

    typed_parameters = [
        item.replace(annotation=annotations.get(item.name, item.annotation)) for item in signature.parameters.values()
    ]
    of_entity.__signature__ = signature.replace(parameters=typed_parameters)  # type: ignore[attr-defined] # inspect reads it
    return of_entity
