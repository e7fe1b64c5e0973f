"""What the headers of a list tell about the pages around it."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from controllers.http.parameters import query_pairs
from controllers.http.responses import document_response
from schemas.list_query import ListQuery
from services.base_service_impl import BaseService
from services.rendering import RenderedJson

Read = Callable[[ListQuery], Awaitable[RenderedJson]]

# How `to_json` begins each object of a list. No text within one looks so: a quotation mark has a backslash there.
_OBJECT = b'{"id_key":'


async def list_response(
    request: Request, service: BaseService[Any, Any, Any, Any], query: ListQuery, read: Read | None = None
) -> Response:
    """One page; with `X-Total-Count` when it is asked for, and with links when pages are turned by key.

    `read` is another way to the page than the service's `get_all`.
    """
    document = await (read or service.get_all)(query)
    response = document_response(request, document)
    if query.count:
        response.headers["X-Total-Count"] = str(await service.count(query))
    if query.after_id is not None:
        response.headers["Link"] = _links(request, query, document.body)
    return response


def _links(request: Request, query: ListQuery, body: bytes) -> str:
    """`first`, and after a full page `next`, as RFC 8288 writes them; to parse the body would cost the most of it."""
    others = [(name, value) for name, value in dict(query_pairs(request)).items() if name not in ("after_id", "skip")]
    page = f"{request.scope['path']}?{urlencode([*others, ('after_id', '')])}"
    first = f'<{page}0>; rel="first"'
    if body.count(_OBJECT) < query.limit:
        return first
    start = body.rindex(_OBJECT) + len(_OBJECT)
    return f'{first}, <{page}{body[start : body.index(b",", start)].decode()}>; rel="next"'
