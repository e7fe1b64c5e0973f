from http import HTTPStatus
from typing import Any

import httpx2 as httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.batch_refusal import BatchRefusal
from ...models.batch_results import BatchResults
from ...models.error_body import ErrorBody
from ...models.product_batch import ProductBatch
from ...models.rate_limit_body import RateLimitBody
from ...models.validation_errors import ValidationErrors
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: ProductBatch,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/products/batch",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> BatchRefusal | BatchResults | ErrorBody | RateLimitBody | ValidationErrors | None:
    if response.status_code == 200:
        response_200 = BatchResults.from_dict(response.json())

        return response_200

    if response.status_code == 401:
        response_401 = ErrorBody.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = ErrorBody.from_dict(response.json())

        return response_403

    if response.status_code == 409:
        response_409 = BatchRefusal.from_dict(response.json())

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
    BatchRefusal | BatchResults | ErrorBody | RateLimitBody | ValidationErrors
]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: ProductBatch,
    idempotency_key: str | Unset = UNSET,
) -> Response[
    BatchRefusal | BatchResults | ErrorBody | RateLimitBody | ValidationErrors
]:
    """Create and change many products

     Create and change up to 1000 products. Each item has a result of its own, as if it were sent alone.

    Args:
        idempotency_key (str | Unset): Repeats with the same key get the first response, for 24
            hours.
        body (ProductBatch):  Example: {'items': [{'id_key': 1, 'price': 899.99}, {'category_id':
            1, 'name': 'Mouse', 'price': 19.9}]}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[BatchRefusal | BatchResults | ErrorBody | RateLimitBody | ValidationErrors]
    """

    kwargs = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    body: ProductBatch,
    idempotency_key: str | Unset = UNSET,
) -> BatchRefusal | BatchResults | ErrorBody | RateLimitBody | ValidationErrors | None:
    """Create and change many products

     Create and change up to 1000 products. Each item has a result of its own, as if it were sent alone.

    Args:
        idempotency_key (str | Unset): Repeats with the same key get the first response, for 24
            hours.
        body (ProductBatch):  Example: {'items': [{'id_key': 1, 'price': 899.99}, {'category_id':
            1, 'name': 'Mouse', 'price': 19.9}]}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        BatchRefusal | BatchResults | ErrorBody | RateLimitBody | ValidationErrors
    """

    return sync_detailed(
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: ProductBatch,
    idempotency_key: str | Unset = UNSET,
) -> Response[
    BatchRefusal | BatchResults | ErrorBody | RateLimitBody | ValidationErrors
]:
    """Create and change many products

     Create and change up to 1000 products. Each item has a result of its own, as if it were sent alone.

    Args:
        idempotency_key (str | Unset): Repeats with the same key get the first response, for 24
            hours.
        body (ProductBatch):  Example: {'items': [{'id_key': 1, 'price': 899.99}, {'category_id':
            1, 'name': 'Mouse', 'price': 19.9}]}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[BatchRefusal | BatchResults | ErrorBody | RateLimitBody | ValidationErrors]
    """

    kwargs = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    body: ProductBatch,
    idempotency_key: str | Unset = UNSET,
) -> BatchRefusal | BatchResults | ErrorBody | RateLimitBody | ValidationErrors | None:
    """Create and change many products

     Create and change up to 1000 products. Each item has a result of its own, as if it were sent alone.

    Args:
        idempotency_key (str | Unset): Repeats with the same key get the first response, for 24
            hours.
        body (ProductBatch):  Example: {'items': [{'id_key': 1, 'price': 899.99}, {'category_id':
            1, 'name': 'Mouse', 'price': 19.9}]}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        BatchRefusal | BatchResults | ErrorBody | RateLimitBody | ValidationErrors
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
