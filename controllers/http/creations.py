"""Routes that create or act, safe to repeat with an `Idempotency-Key`, and their responses."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from controllers.http.access import Policy
from controllers.http.entity_routes import EntityRoutes
from controllers.http.idempotency import IdempotencyKey, idempotent_request
from controllers.http.parameters import Context, PathId, typed
from controllers.http.responses import JSON, ReadyResponse
from middleware.raw_response import json_headers
from repositories.system.idempotency_repository import StoredResponse
from schemas.base_schema import BaseSchema, NothingToWrite
from services.context.request_context import RequestContext
from services.rendering import ActionResult, Created, etag_of

Creates = Callable[..., Awaitable[Created | ActionResult | StoredResponse]]


class Creations(EntityRoutes):
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


def created_response(root_path: str, prefix: str, outcome: Created | ActionResult | StoredResponse) -> Response:
    """Return 201 with the `Location` below `root_path` and `prefix`, or the stored response to an earlier request.

    Return 204 if there was nothing to create, and 200 after an action.
    """
    if isinstance(outcome, ActionResult):
        return Response(outcome.body, 200, {"ETag": etag_of(outcome.body)}, JSON)
    if isinstance(outcome, Created) and not outcome.is_new:
        return Response(status_code=204)
    if isinstance(outcome, Created):
        location = f"{root_path}{prefix}/{outcome.id_key}".encode()
        return ReadyResponse(201, [*json_headers(outcome.body), (b"location", location)], outcome.body)
    headers = {"Idempotency-Replayed": "true"}
    if outcome.location:
        headers["Location"] = root_path + outcome.location
    if outcome.status == 200:
        headers["ETag"] = etag_of(outcome.body)
    return Response(outcome.body, outcome.status, headers, JSON)
