from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx2 as httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.error_body import ErrorBody
from ...models.not_found_body import NotFoundBody
from ...models.rate_limit_body import RateLimitBody
from ...models.tracked_shipment import TrackedShipment
from ...models.validation_errors import ValidationErrors
from ...types import Response


def _get_kwargs(
    id_key: int,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/orders/{id_key}/tracking".format(
            id_key=quote(str(id_key), safe=""),
        ),
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
    | list[TrackedShipment]
    | None
):
    if response.status_code == 200:
        response_200 = []
        _response_200 = response.json()
        for response_200_item_data in _response_200:
            response_200_item = TrackedShipment.from_dict(response_200_item_data)

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
    | list[TrackedShipment]
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
) -> Response[
    Any
    | ErrorBody
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
    | list[TrackedShipment]
]:
    """Track an order

     Return the order's shipments with their events.

    Args:
        id_key (int): The object's `id_key`.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors | list[TrackedShipment]]
    """

    kwargs = _get_kwargs(
        id_key=id_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    id_key: int,
    *,
    client: AuthenticatedClient | Client,
) -> (
    Any
    | ErrorBody
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
    | list[TrackedShipment]
    | None
):
    """Track an order

     Return the order's shipments with their events.

    Args:
        id_key (int): The object's `id_key`.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors | list[TrackedShipment]
    """

    return sync_detailed(
        id_key=id_key,
        client=client,
    ).parsed


async def asyncio_detailed(
    id_key: int,
    *,
    client: AuthenticatedClient | Client,
) -> Response[
    Any
    | ErrorBody
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
    | list[TrackedShipment]
]:
    """Track an order

     Return the order's shipments with their events.

    Args:
        id_key (int): The object's `id_key`.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors | list[TrackedShipment]]
    """

    kwargs = _get_kwargs(
        id_key=id_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    id_key: int,
    *,
    client: AuthenticatedClient | Client,
) -> (
    Any
    | ErrorBody
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
    | list[TrackedShipment]
    | None
):
    """Track an order

     Return the order's shipments with their events.

    Args:
        id_key (int): The object's `id_key`.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors | list[TrackedShipment]
    """

    return (
        await asyncio_detailed(
            id_key=id_key,
            client=client,
        )
    ).parsed
