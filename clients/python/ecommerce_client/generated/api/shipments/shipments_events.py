from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx2 as httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.error_body import ErrorBody
from ...models.not_found_body import NotFoundBody
from ...models.rate_limit_body import RateLimitBody
from ...models.refusal_body import RefusalBody
from ...models.shipment_event_create import ShipmentEventCreate
from ...models.shipment_event_schema import ShipmentEventSchema
from ...models.validation_errors import ValidationErrors
from ...types import UNSET, Response, Unset


def _get_kwargs(
    id_key: int,
    *,
    body: ShipmentEventCreate,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/shipments/{id_key}/events".format(
            id_key=quote(str(id_key), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> (
    ErrorBody
    | NotFoundBody
    | RateLimitBody
    | RefusalBody
    | ShipmentEventSchema
    | ValidationErrors
    | None
):
    if response.status_code == 201:
        response_201 = ShipmentEventSchema.from_dict(response.json())

        return response_201

    if response.status_code == 400:
        response_400 = RefusalBody.from_dict(response.json())

        return response_400

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

    if response.status_code == 413:
        response_413 = ErrorBody.from_dict(response.json())

        return response_413

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
    | NotFoundBody
    | RateLimitBody
    | RefusalBody
    | ShipmentEventSchema
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
    body: ShipmentEventCreate,
    idempotency_key: str | Unset = UNSET,
) -> Response[
    ErrorBody
    | NotFoundBody
    | RateLimitBody
    | RefusalBody
    | ShipmentEventSchema
    | ValidationErrors
]:
    """Report on a shipment

     Create everything or nothing. `Location` is the path of the new object.

    Args:
        id_key (int): The object's `id_key`.
        idempotency_key (str | Unset): Repeats with the same key get the first response, for 24
            hours.
        body (ShipmentEventCreate):  Example: {'location': 'Leipzig', 'occurred_at':
            '2026-11-28T10:00:00Z', 'status': 'in_transit'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | NotFoundBody | RateLimitBody | RefusalBody | ShipmentEventSchema | ValidationErrors]
    """

    kwargs = _get_kwargs(
        id_key=id_key,
        body=body,
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
    body: ShipmentEventCreate,
    idempotency_key: str | Unset = UNSET,
) -> (
    ErrorBody
    | NotFoundBody
    | RateLimitBody
    | RefusalBody
    | ShipmentEventSchema
    | ValidationErrors
    | None
):
    """Report on a shipment

     Create everything or nothing. `Location` is the path of the new object.

    Args:
        id_key (int): The object's `id_key`.
        idempotency_key (str | Unset): Repeats with the same key get the first response, for 24
            hours.
        body (ShipmentEventCreate):  Example: {'location': 'Leipzig', 'occurred_at':
            '2026-11-28T10:00:00Z', 'status': 'in_transit'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | NotFoundBody | RateLimitBody | RefusalBody | ShipmentEventSchema | ValidationErrors
    """

    return sync_detailed(
        id_key=id_key,
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    id_key: int,
    *,
    client: AuthenticatedClient | Client,
    body: ShipmentEventCreate,
    idempotency_key: str | Unset = UNSET,
) -> Response[
    ErrorBody
    | NotFoundBody
    | RateLimitBody
    | RefusalBody
    | ShipmentEventSchema
    | ValidationErrors
]:
    """Report on a shipment

     Create everything or nothing. `Location` is the path of the new object.

    Args:
        id_key (int): The object's `id_key`.
        idempotency_key (str | Unset): Repeats with the same key get the first response, for 24
            hours.
        body (ShipmentEventCreate):  Example: {'location': 'Leipzig', 'occurred_at':
            '2026-11-28T10:00:00Z', 'status': 'in_transit'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | NotFoundBody | RateLimitBody | RefusalBody | ShipmentEventSchema | ValidationErrors]
    """

    kwargs = _get_kwargs(
        id_key=id_key,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    id_key: int,
    *,
    client: AuthenticatedClient | Client,
    body: ShipmentEventCreate,
    idempotency_key: str | Unset = UNSET,
) -> (
    ErrorBody
    | NotFoundBody
    | RateLimitBody
    | RefusalBody
    | ShipmentEventSchema
    | ValidationErrors
    | None
):
    """Report on a shipment

     Create everything or nothing. `Location` is the path of the new object.

    Args:
        id_key (int): The object's `id_key`.
        idempotency_key (str | Unset): Repeats with the same key get the first response, for 24
            hours.
        body (ShipmentEventCreate):  Example: {'location': 'Leipzig', 'occurred_at':
            '2026-11-28T10:00:00Z', 'status': 'in_transit'}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | NotFoundBody | RateLimitBody | RefusalBody | ShipmentEventSchema | ValidationErrors
    """

    return (
        await asyncio_detailed(
            id_key=id_key,
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
