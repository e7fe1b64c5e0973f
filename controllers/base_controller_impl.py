"""The routes that every entity has. A subclass declares its parts and adds its own routes."""

from typing import Annotated, Any, ClassVar, Generic, NamedTuple, TypeVar, get_args

from fastapi import Header, Query
from pydantic import AfterValidator
from starlette.requests import Request
from starlette.responses import Response

from controllers.http.creations import Creations
from controllers.http.pagination import list_response
from controllers.http.parameters import Context, Endpoint, PathId, typed
from controllers.http.responses import json_response
from middleware.etags import required_etags
from schemas.base_schema import BaseSchema, is_storable_key
from schemas.list_query import ListQuery, ObjectQuery
from services.base_service_impl import BaseService
from services.context.request_context import RequestContext
from services.rendering import EMPTY_LIST

Create = TypeVar("Create", bound=BaseSchema)
Update = TypeVar("Update", bound=BaseSchema)
Read = TypeVar("Read", bound=BaseSchema)

IfMatch = Annotated[
    str | None,
    AfterValidator(required_etags),
    Header(alias="If-Match", description="An `ETag` that the object must still have.", examples=["*"]),
]


class Parent(NamedTuple):
    """An entity below whose objects this one is listed as well, and the filter that selects an object's own."""

    prefix: str
    filter: str
    service: type[BaseService[Any, Any, Any, Any]]


class BaseController(Creations, Generic[Create, Update, Read]):
    parents: ClassVar[tuple[Parent, ...]] = ()
    is_exported: ClassVar[bool] = True
    delete_errors: ClassVar[tuple[int, ...]] = (404, 409, 412)

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


def with_article(service: type[BaseService[Any, Any, Any, Any]]) -> str:
    name = service.repository.model.label()
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
