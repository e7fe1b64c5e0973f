"""Lists of any length, page by page."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

from ecommerce_client.errors import expect
from ecommerce_client.generated.types import Response

T = TypeVar("T")

PAGE = 100


def pages(
    kind: type[T], operation: Callable[..., Response[Any]], *path: int, page_size: int = PAGE, **arguments: Any
) -> Iterator[T]:
    """Yield all objects of a list in the order of their ids: `pages(ProductSchema, products_list.sync_detailed, …)`.

    `path` has the ids of a list below an object. `arguments` are those of the operation: `client`, and filters.
    Raises ApiError.
    """
    after_id = 0
    while page := _page(kind, operation(*path, limit=page_size, after_id=after_id, **arguments)):
        yield from page
        if len(page) < page_size:
            return
        after_id = _key(page[-1])


async def async_pages(
    kind: type[T],
    operation: Callable[..., Awaitable[Response[Any]]],
    *path: int,
    page_size: int = PAGE,
    **arguments: Any,
) -> AsyncIterator[T]:
    """Yield all objects as `pages` does, with an operation's `asyncio_detailed`."""
    after_id = 0
    while page := _page(kind, await operation(*path, limit=page_size, after_id=after_id, **arguments)):
        for item in page:
            yield item
        if len(page) < page_size:
            return
        after_id = _key(page[-1])


def _page(kind: type[T], response: Response[Any]) -> list[T]:
    return [item for item in expect(list, response) if isinstance(item, kind)]


def _key(item: Any) -> int:
    return int(item.id_key)
