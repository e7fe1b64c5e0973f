"""Lists over HTTP, with headers about the pages around them."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from controllers.http.parameters import query_pairs
from controllers.http.responses import json_response
from schemas.list_query import ListQuery
from services.base_service_impl import BaseService
from services.context.request_context import RequestContext
from services.rendering import RenderedJson

Read = Callable[[RequestContext, ListQuery], Awaitable[RenderedJson]]


async def list_response(
    request: Request,
    context: RequestContext,
    service: BaseService[Any, Any, Any, Any],
    query: ListQuery,
    read: Read | None = None,
) -> Response:
    """Return one page, with `X-Total-Count` if `count` is set, `X-Safe-Since` if `updated_since`, links if `after_id`.

    `read` replaces the service's `get_all`.
    """
    safe_since = None
    if query.updated_since:
        context = context.on_primary()  # a replica may lack changes from before `X-Safe-Since`
        safe_since = _as_text(await service.safe_since(query))
    page = await (read or service.get_all)(context, query)
    response = await json_response(request, page)
    if query.count:
        response.headers["X-Total-Count"] = str(await service.count(context, query))
    if safe_since:
        response.headers["X-Safe-Since"] = safe_since
    if query.after_id is not None:
        path = service.app_context.settings.root_path + request.scope["path"]
        response.headers["Link"] = _links(path, request, query, orjson.loads(page.body), safe_since)
    return response


def _as_text(moment: datetime) -> str:
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def _links(path: str, request: Request, query: ListQuery, objects: list[dict[str, Any]], safe_since: str | None) -> str:
    """Return links to the first page, and from a full page to the next one, as RFC 8288 defines them."""
    given = dict(query_pairs(request.scope["query_string"]))
    others = [(name, value) for name, value in given.items() if name not in ("after_id", "skip", "safe_since")]

    def link(relation: str, after_id: int, *more: tuple[str, str]) -> str:
        return f'<{path}?{urlencode([*others, *more, ("after_id", after_id)])}>; rel="{relation}"'

    first = link("first", query.beyond_all_keys())
    if len(objects) < query.limit:
        return first
    kept = [("safe_since", safe_since)] if safe_since else []
    return f'{first}, {link("next", objects[-1]["id_key"], *kept)}'
