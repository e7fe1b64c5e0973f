"""The routes that every entity has. A subclass declares its parts and adds its own routes."""

import inspect
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Annotated, Any, ClassVar, Generic, NamedTuple, TypeVar, get_args

from fastapi import Body, FastAPI, Header, Query
from pydantic import AfterValidator
from starlette.requests import Request
from starlette.responses import Response

from controllers.http.access import ADMINS, Access, Permission, Policy, credentials
from controllers.http.bulk.exports import EXPORT_RESPONSES, export_endpoint
from controllers.http.idempotency import IdempotencyKey, idempotent_request
from controllers.http.pagination import list_response
from controllers.http.parameters import Context, PathId
from controllers.http.responses import created_response, documented, json_response
from controllers.http.route import EntityRoute
from middleware.etags import required_etags
from repositories.base_repository_impl import is_storable_key
from repositories.system.idempotency_repository import StoredResponse
from schemas.base_schema import BaseSchema, NothingToWrite
from schemas.bulk.export_schema import export_query
from schemas.list_query import ListQuery, ObjectQuery
from services.base_service_impl import BaseService
from services.caching.cached_service import CachedService
from services.context.app_context import AppContext
from services.context.request_context import RequestContext
from services.rendering import EMPTY_LIST, ActionResult, Created

Create = TypeVar("Create", bound=BaseSchema)
Update = TypeVar("Update", bound=BaseSchema)
Read = TypeVar("Read", bound=BaseSchema)

Endpoint = Callable[..., Any]
Creates = Callable[..., Awaitable[Created | ActionResult | StoredResponse]]
IfMatch = Annotated[
    str | None,
    AfterValidator(required_etags),
    Header(alias="If-Match", description="An `ETag` that the object must still have.", examples=["*"]),
]

OF_OBJECT = {"GET": "get", "PUT": "put", "PATCH": "update", "DELETE": "delete"}
OF_COLLECTION = {"GET": "list", "POST": "create"}


class Parent(NamedTuple):
    """An entity below whose objects this one is listed as well, and the filter that selects an object's own."""

    prefix: str
    filter: str
    service: type[BaseService[Any, Any, Any, Any]]


class BaseController(Generic[Create, Update, Read]):
    prefix: ClassVar[str]
    service: ClassVar[type[BaseService[Any, Any, Any, Any]]]
    filters: ClassVar[type[ListQuery]]
    parents: ClassVar[tuple[Parent, ...]] = ()
    access: ClassVar[Access] = Access()
    is_exported: ClassVar[bool] = True
    delete_errors: ClassVar[tuple[int, ...]] = (404, 409, 412)

    def __init__(self, app: FastAPI, app_context: AppContext) -> None:
        self.app, self.app_context = app, app_context
        self.use_cases = self.service(app_context)
        self.plural = self.tag()["name"]
        self.object_path = f"{self.prefix}/{{id_key}}"

    @classmethod
    def tag(cls) -> dict[str, str]:
        """Return the name and the description of the entity in the API documentation."""
        return {"name": cls.prefix.strip("/").replace("_", " "), "description": inspect.cleandoc(cls.__doc__ or "")}

    def register(self) -> None:
        """Add all routes: those of the subclass first, so that no literal path is read as an `id_key`."""
        create, update, read = get_args(type(self).__orig_bases__[0])  # type: ignore[attr-defined] # Generic keeps it
        one, name = self.object_path, with_article(self.service)
        self.add_routes()
        self.add_list(self.prefix, self.list_all, f"List {self.plural}", read)
        if self.is_exported:
            self.add_export()
        for parent in self.parents:
            path = f"{parent.prefix}/{{id_key}}{self.prefix}"
            self.add_list(
                path, self.list_of(parent), f"List {self.plural} of {with_article(parent.service)}", read, 404
            )
        self.add_read(one, self.get_one, f"Get {name}", read, 404)
        self.add_post(self.prefix, create, self.use_cases.save, f"Create {name}", read)
        change = typed(self.change, changes=update)
        for method in ("PUT", "PATCH"):
            self.add_route(self.access.change, method, one, change, f"Change {name}", read, 400, 404, 409, 412, 413)
        self.add_route(self.access.delete, "DELETE", one, self.delete, f"Delete {name}", None, *self.delete_errors)

    def add_routes(self) -> None:
        """Add the entity's own routes."""

    async def list_all(self, request: Request, context: Context, query: Any) -> Response:
        """Return one page of all objects that the filters let through."""
        return await list_response(request, context, self.use_cases, query)

    async def get_one(
        self, request: Request, context: Context, id_key: PathId, query: Annotated[ObjectQuery, Query()]
    ) -> Response:
        """Return one object, with its `ETag`."""
        return await json_response(request, await self.use_cases.get_one(context, id_key, query.include))

    async def change(
        self, request: Request, context: Context, id_key: PathId, changes: Any, etags: IfMatch = None
    ) -> Response:
        """Replace the given fields; other fields stay as they are."""
        return await json_response(request, await self.use_cases.update(context, id_key, changes, etags))

    async def delete(self, context: Context, id_key: PathId, etags: IfMatch = None) -> Response:
        """Delete the object. Objects that others need are kept, with 409."""
        await self.use_cases.delete(context, id_key, etags)
        return Response(status_code=204)

    def list_of(self, parent: Parent) -> Endpoint:
        """Return the endpoint that lists the objects of one parent, with 404 if the parent does not exist."""
        parents = parent.service(self.app_context)

        async def read_page(context: RequestContext, query: ListQuery) -> Any:
            page = await self.use_cases.get_all(context, query)
            if page.body == EMPTY_LIST:
                await parents.get_one(context, getattr(query, parent.filter))
            return page

        async def list_of_parent(request: Request, context: Context, id_key: PathId, query: Any) -> Response:
            """Return one page of the objects that belong to the one in the path."""
            if not is_storable_key(id_key):
                raise parents.not_found(id_key)
            own = query.model_copy(update={parent.filter: id_key})
            return await list_response(request, context, self.use_cases, own, read_page)

        return list_of_parent

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

    def add_post(
        self, path: str, create: Any, use_case: Creates, summary: str, read: Any, policy: Policy | None = None
    ) -> None:
        """Add a POST that creates an object and is safe to repeat with an `Idempotency-Key`.

        Below an object, as in `/things/{id_key}/action`, the use case takes its key before the body.
        """

        async def post(request: Request, context: Context, new: Any, key: IdempotencyKey = None) -> Response:
            """Create everything or nothing. `Location` is the path of the new object."""
            return await self.create_once(request, context, new, key, use_case)

        async def post_below(
            request: Request, context: Context, id_key: PathId, new: Any, key: IdempotencyKey = None
        ) -> Response:
            """Create everything or nothing. `Location` is the path of the new object."""
            return await self.create_once(
                request, context, new, key, lambda within, body: use_case(within, id_key, body)
            )

        endpoint = post_below if "{id_key}" in path else post
        policy = policy or self.access.create
        self.add_route(policy, "POST", path, typed(endpoint, new=create), summary, read, 400, 404, 409, 413)

    def add_action(
        self,
        path: str,
        use_case: Creates,
        summary: str,
        read: Any,
        body: type[BaseSchema] = NothingToWrite,
        status_code: int = 200,
    ) -> None:
        """Add a POST that acts on an object; its body may be left out. Repeats are safe as above."""

        async def act(
            request: Request, context: Context, id_key: PathId, new: Any = None, key: IdempotencyKey = None
        ) -> Response:
            """Change the object as the path says, and return it."""
            return await self.create_once(
                request, context, new or body(), key, lambda within, given: use_case(within, id_key, given)
            )

        endpoint = typed(act, new=Annotated[body | None, Body()])
        self.add_route(
            self.access.create, "POST", path, endpoint, summary, read, 404, 409, 413, status_code=status_code
        )

    async def create_once(
        self, request: Request, context: RequestContext, new: BaseSchema, key: str | None, use_case: Creates
    ) -> Response:
        outcome = await use_case(self.keyed(request, context, new, key), new)
        return created_response(self.app_context.settings.root_path, self.prefix, outcome)

    def keyed(self, request: Request, context: RequestContext, new: BaseSchema, key: str | None) -> RequestContext:
        """Return the context of a request that may be repeated if it has a `key`."""
        if key is None:
            return context
        return context._replace(idempotent=idempotent_request(request, context, key, new, self.prefix))

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


def with_article(service: type[BaseService[Any, Any, Any, Any]]) -> str:
    name = service.repository.model.label()
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def operation_id(prefix: str, method: str, path: str) -> str:
    """Return the operation's name for client libraries, such as `products_list` and `orders_checkout`."""
    name = "_".join(part for part in path.split("/") if part and part != "{id_key}")
    if path.endswith("/{id_key}"):
        return f"{name}_{OF_OBJECT[method]}"
    return f"{name}_{OF_COLLECTION[method]}" if path.endswith(prefix) else name


def typed(endpoint: Endpoint, **annotations: Any) -> Endpoint:
    """Return the endpoint with an entity's types in its signature; FastAPI validates and documents with them."""
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
