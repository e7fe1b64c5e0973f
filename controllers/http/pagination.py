"""Lists over HTTP, with headers about the pages around them."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from controllers.http.parameters import query_pairs
from controllers.http.responses import json_response
from schemas.base_schema import MAX_KEY
from schemas.list_query import ListQuery
from services.base_service_impl import BaseService
from services.rendering import RenderedJson
from services.request_context import RequestContext

Read = Callable[[RequestContext, ListQuery], Awaitable[RenderedJson]]


async def list_response(
    request: Request,
    context: RequestContext,
    service: BaseService[Any, Any, Any, Any],
    query: ListQuery,
    read: Read | None = None,
) -> Response:
    """Return one page, with `X-Total-Count` if `count` is set and with links if `after_id` is.

    `read` replaces the service's `get_all`.
    """
    page = await (read or service.get_all)(context, query)
    response = await json_response(request, page)
    if query.count:
        response.headers["X-Total-Count"] = str(await service.count(context, query))
    if query.after_id is not None:
        path = service.app_context.settings.root_path + request.scope["path"]
        response.headers["Link"] = _links(path, request, query, orjson.loads(page.body))
    return response


def _links(path: str, request: Request, query: ListQuery, objects: list[dict[str, Any]]) -> str:
    """Return links to the first page, and from a full page to the next one, as RFC 8288 defines them."""
    given = dict(query_pairs(request.scope["query_string"]))
    others = [(name, value) for name, value in given.items() if name not in ("after_id", "skip")]
    page = f"{path}?{urlencode([*others, ('after_id', '')])}"
    beyond_all = MAX_KEY if query.sort == "-id_key" else 0
    first = f'<{page}{beyond_all}>; rel="first"'
    if len(objects) < query.limit:
        return first
    return f'{first}, <{page}{objects[-1]["id_key"]}>; rel="next"'
