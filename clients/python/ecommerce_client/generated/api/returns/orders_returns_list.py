import datetime
from http import HTTPStatus
from typing import Any, Literal, cast
from urllib.parse import quote

import httpx2 as httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.error_body import ErrorBody
from ...models.not_found_body import NotFoundBody
from ...models.orders_returns_list_sort import OrdersReturnsListSort
from ...models.rate_limit_body import RateLimitBody
from ...models.return_schema import ReturnSchema
from ...models.return_status import ReturnStatus
from ...models.validation_errors import ValidationErrors
from ...types import UNSET, Response, Unset


def _get_kwargs(
    id_key: int,
    *,
    include: Literal["timestamps"] | Unset = UNSET,
    skip: int | Unset = 0,
    limit: int | Unset = 100,
    after_id: int | Unset = UNSET,
    updated_since: datetime.datetime | Unset = UNSET,
    safe_since: datetime.datetime | Unset = UNSET,
    count: bool | Unset = False,
    sort: OrdersReturnsListSort | Unset = OrdersReturnsListSort.ID_KEY,
    order_id: int | Unset = UNSET,
    status: ReturnStatus | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["include"] = include

    params["skip"] = skip

    params["limit"] = limit

    params["after_id"] = after_id

    json_updated_since: str | Unset = UNSET
    if not isinstance(updated_since, Unset):
        json_updated_since = updated_since.isoformat()
    params["updated_since"] = json_updated_since

    json_safe_since: str | Unset = UNSET
    if not isinstance(safe_since, Unset):
        json_safe_since = safe_since.isoformat()
    params["safe_since"] = json_safe_since

    params["count"] = count

    json_sort: str | Unset = UNSET
    if not isinstance(sort, Unset):
        json_sort = sort.value

    params["sort"] = json_sort

    params["order_id"] = order_id

    json_status: str | Unset = UNSET
    if not isinstance(status, Unset):
        json_status = status.value

    params["status"] = json_status

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/orders/{id_key}/returns".format(
            id_key=quote(str(id_key), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> (
    Any
    | ErrorBody
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
    | list[ReturnSchema]
    | None
):
    if response.status_code == 200:
        response_200 = []
        _response_200 = response.json()
        for response_200_item_data in _response_200:
            response_200_item = ReturnSchema.from_dict(response_200_item_data)

            response_200.append(response_200_item)

        return response_200

    if response.status_code == 304:
        response_304 = cast(Any, None)
        return response_304

    if response.status_code == 401:
        response_401 = ErrorBody.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = ErrorBody.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = NotFoundBody.from_dict(response.json())

        return response_404

    if response.status_code == 422:
        response_422 = ValidationErrors.from_dict(response.json())

        return response_422

    if response.status_code == 429:
        response_429 = RateLimitBody.from_dict(response.json())

        return response_429

    if response.status_code == 500:
        response_500 = ErrorBody.from_dict(response.json())

        return response_500

    if response.status_code == 503:
        response_503 = ErrorBody.from_dict(response.json())

        return response_503

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[
    Any
    | ErrorBody
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
    | list[ReturnSchema]
]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    id_key: int,
    *,
    client: AuthenticatedClient | Client,
    include: Literal["timestamps"] | Unset = UNSET,
    skip: int | Unset = 0,
    limit: int | Unset = 100,
    after_id: int | Unset = UNSET,
    updated_since: datetime.datetime | Unset = UNSET,
    safe_since: datetime.datetime | Unset = UNSET,
    count: bool | Unset = False,
    sort: OrdersReturnsListSort | Unset = OrdersReturnsListSort.ID_KEY,
    order_id: int | Unset = UNSET,
    status: ReturnStatus | Unset = UNSET,
) -> Response[
    Any
    | ErrorBody
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
    | list[ReturnSchema]
]:
    """List returns of an order

     Return one page of the objects that belong to the one in the path.

    Args:
        id_key (int): The object's `id_key`.
        include (Literal['timestamps'] | Unset): `timestamps` adds `created_at` and `updated_at`
            to objects.
        skip (int | Unset): Objects to leave out at the beginning. Default: 0.
        limit (int | Unset): Objects in a page at the most. Default: 100.
        after_id (int | Unset): The page after this `id_key` in the order of `sort`, `id_key` or
            `-id_key`.
        updated_since (datetime.datetime | Unset): Only objects created or changed at this time or
            later, archived ones included.
        safe_since (datetime.datetime | Unset): `X-Safe-Since` of the first page; `Link` has it.
        count (bool | Unset): Adds `X-Total-Count`: all objects that the filters let through.
            Default: False.
        sort (OrdersReturnsListSort | Unset):  Default: OrdersReturnsListSort.ID_KEY.
        order_id (int | Unset):
        status (ReturnStatus | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors | list[ReturnSchema]]
    """

    kwargs = _get_kwargs(
        id_key=id_key,
        include=include,
        skip=skip,
        limit=limit,
        after_id=after_id,
        updated_since=updated_since,
        safe_since=safe_since,
        count=count,
        sort=sort,
        order_id=order_id,
        status=status,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    id_key: int,
    *,
    client: AuthenticatedClient | Client,
    include: Literal["timestamps"] | Unset = UNSET,
    skip: int | Unset = 0,
    limit: int | Unset = 100,
    after_id: int | Unset = UNSET,
    updated_since: datetime.datetime | Unset = UNSET,
    safe_since: datetime.datetime | Unset = UNSET,
    count: bool | Unset = False,
    sort: OrdersReturnsListSort | Unset = OrdersReturnsListSort.ID_KEY,
    order_id: int | Unset = UNSET,
    status: ReturnStatus | Unset = UNSET,
) -> (
    Any
    | ErrorBody
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
    | list[ReturnSchema]
    | None
):
    """List returns of an order

     Return one page of the objects that belong to the one in the path.

    Args:
        id_key (int): The object's `id_key`.
        include (Literal['timestamps'] | Unset): `timestamps` adds `created_at` and `updated_at`
            to objects.
        skip (int | Unset): Objects to leave out at the beginning. Default: 0.
        limit (int | Unset): Objects in a page at the most. Default: 100.
        after_id (int | Unset): The page after this `id_key` in the order of `sort`, `id_key` or
            `-id_key`.
        updated_since (datetime.datetime | Unset): Only objects created or changed at this time or
            later, archived ones included.
        safe_since (datetime.datetime | Unset): `X-Safe-Since` of the first page; `Link` has it.
        count (bool | Unset): Adds `X-Total-Count`: all objects that the filters let through.
            Default: False.
        sort (OrdersReturnsListSort | Unset):  Default: OrdersReturnsListSort.ID_KEY.
        order_id (int | Unset):
        status (ReturnStatus | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors | list[ReturnSchema]
    """

    return sync_detailed(
        id_key=id_key,
        client=client,
        include=include,
        skip=skip,
        limit=limit,
        after_id=after_id,
        updated_since=updated_since,
        safe_since=safe_since,
        count=count,
        sort=sort,
        order_id=order_id,
        status=status,
    ).parsed


async def asyncio_detailed(
    id_key: int,
    *,
    client: AuthenticatedClient | Client,
    include: Literal["timestamps"] | Unset = UNSET,
    skip: int | Unset = 0,
    limit: int | Unset = 100,
    after_id: int | Unset = UNSET,
    updated_since: datetime.datetime | Unset = UNSET,
    safe_since: datetime.datetime | Unset = UNSET,
    count: bool | Unset = False,
    sort: OrdersReturnsListSort | Unset = OrdersReturnsListSort.ID_KEY,
    order_id: int | Unset = UNSET,
    status: ReturnStatus | Unset = UNSET,
) -> Response[
    Any
    | ErrorBody
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
    | list[ReturnSchema]
]:
    """List returns of an order

     Return one page of the objects that belong to the one in the path.

    Args:
        id_key (int): The object's `id_key`.
        include (Literal['timestamps'] | Unset): `timestamps` adds `created_at` and `updated_at`
            to objects.
        skip (int | Unset): Objects to leave out at the beginning. Default: 0.
        limit (int | Unset): Objects in a page at the most. Default: 100.
        after_id (int | Unset): The page after this `id_key` in the order of `sort`, `id_key` or
            `-id_key`.
        updated_since (datetime.datetime | Unset): Only objects created or changed at this time or
            later, archived ones included.
        safe_since (datetime.datetime | Unset): `X-Safe-Since` of the first page; `Link` has it.
        count (bool | Unset): Adds `X-Total-Count`: all objects that the filters let through.
            Default: False.
        sort (OrdersReturnsListSort | Unset):  Default: OrdersReturnsListSort.ID_KEY.
        order_id (int | Unset):
        status (ReturnStatus | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors | list[ReturnSchema]]
    """

    kwargs = _get_kwargs(
        id_key=id_key,
        include=include,
        skip=skip,
        limit=limit,
        after_id=after_id,
        updated_since=updated_since,
        safe_since=safe_since,
        count=count,
        sort=sort,
        order_id=order_id,
        status=status,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    id_key: int,
    *,
    client: AuthenticatedClient | Client,
    include: Literal["timestamps"] | Unset = UNSET,
    skip: int | Unset = 0,
    limit: int | Unset = 100,
    after_id: int | Unset = UNSET,
    updated_since: datetime.datetime | Unset = UNSET,
    safe_since: datetime.datetime | Unset = UNSET,
    count: bool | Unset = False,
    sort: OrdersReturnsListSort | Unset = OrdersReturnsListSort.ID_KEY,
    order_id: int | Unset = UNSET,
    status: ReturnStatus | Unset = UNSET,
) -> (
    Any
    | ErrorBody
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
    | list[ReturnSchema]
    | None
):
    """List returns of an order

     Return one page of the objects that belong to the one in the path.

    Args:
        id_key (int): The object's `id_key`.
        include (Literal['timestamps'] | Unset): `timestamps` adds `created_at` and `updated_at`
            to objects.
        skip (int | Unset): Objects to leave out at the beginning. Default: 0.
        limit (int | Unset): Objects in a page at the most. Default: 100.
        after_id (int | Unset): The page after this `id_key` in the order of `sort`, `id_key` or
            `-id_key`.
        updated_since (datetime.datetime | Unset): Only objects created or changed at this time or
            later, archived ones included.
        safe_since (datetime.datetime | Unset): `X-Safe-Since` of the first page; `Link` has it.
        count (bool | Unset): Adds `X-Total-Count`: all objects that the filters let through.
            Default: False.
        sort (OrdersReturnsListSort | Unset):  Default: OrdersReturnsListSort.ID_KEY.
        order_id (int | Unset):
        status (ReturnStatus | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors | list[ReturnSchema]
    """

    return (
        await asyncio_detailed(
            id_key=id_key,
            client=client,
            include=include,
            skip=skip,
            limit=limit,
            after_id=after_id,
            updated_since=updated_since,
            safe_since=safe_since,
            count=count,
            sort=sort,
            order_id=order_id,
            status=status,
        )
    ).parsed
