"""Changes that undo nobody else's: the object is read, changed, and written only if it is still the same."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ecommerce_client.errors import error_of, expect
from ecommerce_client.generated import Client
from ecommerce_client.generated.types import Response

T = TypeVar("T")

ATTEMPTS = 5


def change(
    kind: type[T],
    read: Callable[..., Response[Any]],
    write: Callable[..., Response[Any]],
    id_key: int,
    body: Callable[[T], Any],
    *,
    client: Client,
    attempts: int = ATTEMPTS,
) -> T:
    """Write what `body` makes of the object, and return the result. Start again if somebody else was faster.

    Raises PreconditionFailedError after the last attempt, and ApiError.
    """
    for _ in range(attempts):
        current = read(id_key, client=client)
        answer = write(id_key, client=client, body=body(expect(kind, current)), if_match=current.headers["ETag"])
        if answer.status_code != 412:
            return expect(kind, answer)
    raise error_of(answer)


async def async_change(
    kind: type[T],
    read: Callable[..., Awaitable[Response[Any]]],
    write: Callable[..., Awaitable[Response[Any]]],
    id_key: int,
    body: Callable[[T], Any],
    *,
    client: Client,
    attempts: int = ATTEMPTS,
) -> T:
    """Do the same as `change` with operations' `asyncio_detailed`."""
    for _ in range(attempts):
        current = await read(id_key, client=client)
        answer = await write(id_key, client=client, body=body(expect(kind, current)), if_match=current.headers["ETag"])
        if answer.status_code != 412:
            return expect(kind, answer)
    raise error_of(answer)
