from http import HTTPStatus
from typing import Any

import httpx2 as httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.error_body import ErrorBody
from ...models.import_errors import ImportErrors
from ...models.import_result import ImportResult
from ...models.products_import_format import ProductsImportFormat
from ...models.rate_limit_body import RateLimitBody
from ...models.validation_errors import ValidationErrors
from ...types import UNSET, File, Response, Unset


def _get_kwargs(
    *,
    body: File,
    format_: ProductsImportFormat | Unset = UNSET,
    dry_run: bool | Unset = False,
    set_stock: bool | Unset = False,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    params: dict[str, Any] = {}

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_.value

    params["format"] = json_format_

    params["dry_run"] = dry_run

    params["set_stock"] = set_stock

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/products/import",
        "params": params,
    }

    _kwargs["content"] = body.payload
    headers["Content-Type"] = "application/octet-stream"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ErrorBody | ImportErrors | ValidationErrors | ImportResult | RateLimitBody | None:
    if response.status_code == 200:
        response_200 = ImportResult.from_dict(response.json())

        return response_200

    if response.status_code == 401:
        response_401 = ErrorBody.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = ErrorBody.from_dict(response.json())

        return response_403

    if response.status_code == 413:
        response_413 = ErrorBody.from_dict(response.json())

        return response_413

    if response.status_code == 422:

        def _parse_response_422(data: object) -> ImportErrors | ValidationErrors:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                response_422_type_0 = ImportErrors.from_dict(data)

                return response_422_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            response_422_type_1 = ValidationErrors.from_dict(data)

            return response_422_type_1

        response_422 = _parse_response_422(response.json())

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
    ErrorBody | ImportErrors | ValidationErrors | ImportResult | RateLimitBody
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
    body: File,
    format_: ProductsImportFormat | Unset = UNSET,
    dry_run: bool | Unset = False,
    set_stock: bool | Unset = False,
    idempotency_key: str | Unset = UNSET,
) -> Response[
    ErrorBody | ImportErrors | ValidationErrors | ImportResult | RateLimitBody
]:
    """Import products

     Create and change products as the lines of a file say, all or none. An exported file changes
    nothing.

    Args:
        format_ (ProductsImportFormat | Unset): Default: that of the `Content-Type`, and CSV
            without one.
        dry_run (bool | Unset): `true`: check and count, and change nothing. Default: False.
        set_stock (bool | Unset): `true`: set the stock of existing products, too. This undoes
            sales since the export. Default: False.
        idempotency_key (str | Unset): Repeats with the same key get the first response, for 24
            hours.
        body (File):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | ImportErrors | ValidationErrors | ImportResult | RateLimitBody]
    """

    kwargs = _get_kwargs(
        body=body,
        format_=format_,
        dry_run=dry_run,
        set_stock=set_stock,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    body: File,
    format_: ProductsImportFormat | Unset = UNSET,
    dry_run: bool | Unset = False,
    set_stock: bool | Unset = False,
    idempotency_key: str | Unset = UNSET,
) -> ErrorBody | ImportErrors | ValidationErrors | ImportResult | RateLimitBody | None:
    """Import products

     Create and change products as the lines of a file say, all or none. An exported file changes
    nothing.

    Args:
        format_ (ProductsImportFormat | Unset): Default: that of the `Content-Type`, and CSV
            without one.
        dry_run (bool | Unset): `true`: check and count, and change nothing. Default: False.
        set_stock (bool | Unset): `true`: set the stock of existing products, too. This undoes
            sales since the export. Default: False.
        idempotency_key (str | Unset): Repeats with the same key get the first response, for 24
            hours.
        body (File):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | ImportErrors | ValidationErrors | ImportResult | RateLimitBody
    """

    return sync_detailed(
        client=client,
        body=body,
        format_=format_,
        dry_run=dry_run,
        set_stock=set_stock,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: File,
    format_: ProductsImportFormat | Unset = UNSET,
    dry_run: bool | Unset = False,
    set_stock: bool | Unset = False,
    idempotency_key: str | Unset = UNSET,
) -> Response[
    ErrorBody | ImportErrors | ValidationErrors | ImportResult | RateLimitBody
]:
    """Import products

     Create and change products as the lines of a file say, all or none. An exported file changes
    nothing.

    Args:
        format_ (ProductsImportFormat | Unset): Default: that of the `Content-Type`, and CSV
            without one.
        dry_run (bool | Unset): `true`: check and count, and change nothing. Default: False.
        set_stock (bool | Unset): `true`: set the stock of existing products, too. This undoes
            sales since the export. Default: False.
        idempotency_key (str | Unset): Repeats with the same key get the first response, for 24
            hours.
        body (File):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | ImportErrors | ValidationErrors | ImportResult | RateLimitBody]
    """

    kwargs = _get_kwargs(
        body=body,
        format_=format_,
        dry_run=dry_run,
        set_stock=set_stock,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    body: File,
    format_: ProductsImportFormat | Unset = UNSET,
    dry_run: bool | Unset = False,
    set_stock: bool | Unset = False,
    idempotency_key: str | Unset = UNSET,
) -> ErrorBody | ImportErrors | ValidationErrors | ImportResult | RateLimitBody | None:
    """Import products

     Create and change products as the lines of a file say, all or none. An exported file changes
    nothing.

    Args:
        format_ (ProductsImportFormat | Unset): Default: that of the `Content-Type`, and CSV
            without one.
        dry_run (bool | Unset): `true`: check and count, and change nothing. Default: False.
        set_stock (bool | Unset): `true`: set the stock of existing products, too. This undoes
            sales since the export. Default: False.
        idempotency_key (str | Unset): Repeats with the same key get the first response, for 24
            hours.
        body (File):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | ImportErrors | ValidationErrors | ImportResult | RateLimitBody
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            format_=format_,
            dry_run=dry_run,
            set_stock=set_stock,
            idempotency_key=idempotency_key,
        )
    ).parsed
