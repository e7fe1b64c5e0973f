from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx2 as httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.error_body import ErrorBody
from ...models.new_webhook_endpoint_schema import NewWebhookEndpointSchema
from ...models.not_found_body import NotFoundBody
from ...models.rate_limit_body import RateLimitBody
from ...models.validation_errors import ValidationErrors
from ...types import UNSET, Response, Unset


def _get_kwargs(
    id_key: int,
    *,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/webhook_endpoints/{id_key}/rotate_secret".format(
            id_key=quote(str(id_key), safe=""),
        ),
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> (
    ErrorBody
    | NewWebhookEndpointSchema
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
    | None
):
    if response.status_code == 201:
        response_201 = NewWebhookEndpointSchema.from_dict(response.json())

        return response_201

    if response.status_code == 401:
        response_401 = ErrorBody.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = ErrorBody.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = NotFoundBody.from_dict(response.json())

        return response_404

    if response.status_code == 409:
        response_409 = ErrorBody.from_dict(response.json())

        return response_409

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
    ErrorBody
    | NewWebhookEndpointSchema
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
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
    idempotency_key: str | Unset = UNSET,
) -> Response[
    ErrorBody
    | NewWebhookEndpointSchema
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
]:
    """Replace the secret: webhook endpoint

     Replace the secret. Deliveries carry signatures of the new and the old one for 24 hours.

    Args:
        id_key (int): The object's `id_key`.
        idempotency_key (str | Unset): Repeats with the same key get the first response, for 24
            hours.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | NewWebhookEndpointSchema | NotFoundBody | RateLimitBody | ValidationErrors]
    """

    kwargs = _get_kwargs(
        id_key=id_key,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    id_key: int,
    *,
    client: AuthenticatedClient | Client,
    idempotency_key: str | Unset = UNSET,
) -> (
    ErrorBody
    | NewWebhookEndpointSchema
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
    | None
):
    """Replace the secret: webhook endpoint

     Replace the secret. Deliveries carry signatures of the new and the old one for 24 hours.

    Args:
        id_key (int): The object's `id_key`.
        idempotency_key (str | Unset): Repeats with the same key get the first response, for 24
            hours.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | NewWebhookEndpointSchema | NotFoundBody | RateLimitBody | ValidationErrors
    """

    return sync_detailed(
        id_key=id_key,
        client=client,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    id_key: int,
    *,
    client: AuthenticatedClient | Client,
    idempotency_key: str | Unset = UNSET,
) -> Response[
    ErrorBody
    | NewWebhookEndpointSchema
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
]:
    """Replace the secret: webhook endpoint

     Replace the secret. Deliveries carry signatures of the new and the old one for 24 hours.

    Args:
        id_key (int): The object's `id_key`.
        idempotency_key (str | Unset): Repeats with the same key get the first response, for 24
            hours.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | NewWebhookEndpointSchema | NotFoundBody | RateLimitBody | ValidationErrors]
    """

    kwargs = _get_kwargs(
        id_key=id_key,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    id_key: int,
    *,
    client: AuthenticatedClient | Client,
    idempotency_key: str | Unset = UNSET,
) -> (
    ErrorBody
    | NewWebhookEndpointSchema
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
    | None
):
    """Replace the secret: webhook endpoint

     Replace the secret. Deliveries carry signatures of the new and the old one for 24 hours.

    Args:
        id_key (int): The object's `id_key`.
        idempotency_key (str | Unset): Repeats with the same key get the first response, for 24
            hours.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | NewWebhookEndpointSchema | NotFoundBody | RateLimitBody | ValidationErrors
    """

    return (
        await asyncio_detailed(
            id_key=id_key,
            client=client,
            idempotency_key=idempotency_key,
        )
    ).parsed
