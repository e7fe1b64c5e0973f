from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx2 as httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.address_schema import AddressSchema
from ...models.error_body import ErrorBody
from ...models.not_found_body import NotFoundBody
from ...models.rate_limit_body import RateLimitBody
from ...models.validation_errors import ValidationErrors
from ...types import Response


def _get_kwargs(
    id_key: int,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/orders/{id_key}/shipping_address".format(
            id_key=quote(str(id_key), safe=""),
        ),
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> (
    AddressSchema
    | Any
    | ErrorBody
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
    | None
):
    if response.status_code == 200:
        response_200 = AddressSchema.from_dict(response.json())

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
    AddressSchema | Any | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors
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
    AddressSchema | Any | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors
]:
    """Get the shipping address of an order

     Return the address that the order was placed with, as it was then.

    Args:
        id_key (int): The object's `id_key`.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AddressSchema | Any | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors]
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
    AddressSchema
    | Any
    | ErrorBody
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
    | None
):
    """Get the shipping address of an order

     Return the address that the order was placed with, as it was then.

    Args:
        id_key (int): The object's `id_key`.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AddressSchema | Any | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors
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
    AddressSchema | Any | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors
]:
    """Get the shipping address of an order

     Return the address that the order was placed with, as it was then.

    Args:
        id_key (int): The object's `id_key`.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AddressSchema | Any | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors]
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
    AddressSchema
    | Any
    | ErrorBody
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
    | None
):
    """Get the shipping address of an order

     Return the address that the order was placed with, as it was then.

    Args:
        id_key (int): The object's `id_key`.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AddressSchema | Any | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors
    """

    return (
        await asyncio_detailed(
            id_key=id_key,
            client=client,
        )
    ).parsed
