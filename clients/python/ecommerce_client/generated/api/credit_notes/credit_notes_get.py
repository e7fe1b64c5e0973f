from http import HTTPStatus
from typing import Any, Literal, cast
from urllib.parse import quote

import httpx2 as httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.credit_note_schema import CreditNoteSchema
from ...models.error_body import ErrorBody
from ...models.not_found_body import NotFoundBody
from ...models.rate_limit_body import RateLimitBody
from ...models.validation_errors import ValidationErrors
from ...types import UNSET, Response, Unset


def _get_kwargs(
    id_key: int,
    *,
    include: Literal["timestamps"] | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["include"] = include

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/credit_notes/{id_key}".format(
            id_key=quote(str(id_key), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> (
    Any
    | CreditNoteSchema
    | ErrorBody
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
    | None
):
    if response.status_code == 200:
        response_200 = CreditNoteSchema.from_dict(response.json())

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
    Any | CreditNoteSchema | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors
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
) -> Response[
    Any | CreditNoteSchema | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors
]:
    """Get a credit note

     Return one object, with its `ETag`.

    Args:
        id_key (int): The object's `id_key`.
        include (Literal['timestamps'] | Unset): `timestamps` adds `created_at` and `updated_at`
            to objects.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | CreditNoteSchema | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors]
    """

    kwargs = _get_kwargs(
        id_key=id_key,
        include=include,
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
) -> (
    Any
    | CreditNoteSchema
    | ErrorBody
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
    | None
):
    """Get a credit note

     Return one object, with its `ETag`.

    Args:
        id_key (int): The object's `id_key`.
        include (Literal['timestamps'] | Unset): `timestamps` adds `created_at` and `updated_at`
            to objects.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | CreditNoteSchema | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors
    """

    return sync_detailed(
        id_key=id_key,
        client=client,
        include=include,
    ).parsed


async def asyncio_detailed(
    id_key: int,
    *,
    client: AuthenticatedClient | Client,
    include: Literal["timestamps"] | Unset = UNSET,
) -> Response[
    Any | CreditNoteSchema | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors
]:
    """Get a credit note

     Return one object, with its `ETag`.

    Args:
        id_key (int): The object's `id_key`.
        include (Literal['timestamps'] | Unset): `timestamps` adds `created_at` and `updated_at`
            to objects.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | CreditNoteSchema | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors]
    """

    kwargs = _get_kwargs(
        id_key=id_key,
        include=include,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    id_key: int,
    *,
    client: AuthenticatedClient | Client,
    include: Literal["timestamps"] | Unset = UNSET,
) -> (
    Any
    | CreditNoteSchema
    | ErrorBody
    | NotFoundBody
    | RateLimitBody
    | ValidationErrors
    | None
):
    """Get a credit note

     Return one object, with its `ETag`.

    Args:
        id_key (int): The object's `id_key`.
        include (Literal['timestamps'] | Unset): `timestamps` adds `created_at` and `updated_at`
            to objects.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | CreditNoteSchema | ErrorBody | NotFoundBody | RateLimitBody | ValidationErrors
    """

    return (
        await asyncio_detailed(
            id_key=id_key,
            client=client,
            include=include,
        )
    ).parsed
