"""What the headers of a list tell about the pages around it."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from controllers.answers import document_response
from schemas.list_query import ListQuery
from services.base_service_impl import BaseService
from services.documents import Document

Read = Callable[[ListQuery], Awaitable[Document]]


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
    """`first`, and after a full page `next`, as RFC 8288 writes them."""
    links = [_link(request, 0, "first")]
    objects = orjson.loads(body)
    if len(objects) == query.limit:
        links.append(_link(request, objects[-1]["id_key"], "next"))
    return ", ".join(links)


def _link(request: Request, after_id: int, relation: str) -> str:
    parameters = {**request.query_params, "after_id": after_id}
    parameters.pop("skip", None)
    return f'<{request.url.path}?{urlencode(parameters)}>; rel="{relation}"'
