import datetime
from http import HTTPStatus
from typing import Any, Literal

import httpx2 as httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.bills_export_all_format import BillsExportAllFormat
from ...models.bills_export_all_sort import BillsExportAllSort
from ...models.error_body import ErrorBody
from ...models.payment_type import PaymentType
from ...models.rate_limit_body import RateLimitBody
from ...models.validation_errors import ValidationErrors
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    include: Literal["timestamps"] | Unset = UNSET,
    updated_since: datetime.datetime | Unset = UNSET,
    sort: BillsExportAllSort | Unset = BillsExportAllSort.ID_KEY,
    payment_type: PaymentType | Unset = UNSET,
    date_from: datetime.date | Unset = UNSET,
    date_to: datetime.date | Unset = UNSET,
    format_: BillsExportAllFormat | Unset = BillsExportAllFormat.CSV,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["include"] = include

    json_updated_since: str | Unset = UNSET
    if not isinstance(updated_since, Unset):
        json_updated_since = updated_since.isoformat()
    params["updated_since"] = json_updated_since

    json_sort: str | Unset = UNSET
    if not isinstance(sort, Unset):
        json_sort = sort.value

    params["sort"] = json_sort

    json_payment_type: str | Unset = UNSET
    if not isinstance(payment_type, Unset):
        json_payment_type = payment_type.value

    params["payment_type"] = json_payment_type

    json_date_from: str | Unset = UNSET
    if not isinstance(date_from, Unset):
        json_date_from = date_from.isoformat()
    params["date_from"] = json_date_from

    json_date_to: str | Unset = UNSET
    if not isinstance(date_to, Unset):
        json_date_to = date_to.isoformat()
    params["date_to"] = json_date_to

    json_format_: str | Unset = UNSET
    if not isinstance(format_, Unset):
        json_format_ = format_.value

    params["format"] = json_format_

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/bills/export",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ErrorBody | RateLimitBody | ValidationErrors | str | None:
    if response.status_code == 200:
        response_200 = response.text
        return response_200

    if response.status_code == 401:
        response_401 = ErrorBody.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = ErrorBody.from_dict(response.json())

        return response_403

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
) -> Response[ErrorBody | RateLimitBody | ValidationErrors | str]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    include: Literal["timestamps"] | Unset = UNSET,
    updated_since: datetime.datetime | Unset = UNSET,
    sort: BillsExportAllSort | Unset = BillsExportAllSort.ID_KEY,
    payment_type: PaymentType | Unset = UNSET,
    date_from: datetime.date | Unset = UNSET,
    date_to: datetime.date | Unset = UNSET,
    format_: BillsExportAllFormat | Unset = BillsExportAllFormat.CSV,
) -> Response[ErrorBody | RateLimitBody | ValidationErrors | str]:
    """Export bills

     Export all objects that the filters let through, as they are at one moment.

    Args:
        include (Literal['timestamps'] | Unset): `timestamps` adds `created_at` and `updated_at`
            to objects.
        updated_since (datetime.datetime | Unset): Only objects created or changed at this time or
            later, archived ones included.
        sort (BillsExportAllSort | Unset):  Default: BillsExportAllSort.ID_KEY.
        payment_type (PaymentType | Unset):
        date_from (datetime.date | Unset):
        date_to (datetime.date | Unset):
        format_ (BillsExportAllFormat | Unset): CSV with a header line, or one JSON object a line.
            Default: BillsExportAllFormat.CSV.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | RateLimitBody | ValidationErrors | str]
    """

    kwargs = _get_kwargs(
        include=include,
        updated_since=updated_since,
        sort=sort,
        payment_type=payment_type,
        date_from=date_from,
        date_to=date_to,
        format_=format_,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    include: Literal["timestamps"] | Unset = UNSET,
    updated_since: datetime.datetime | Unset = UNSET,
    sort: BillsExportAllSort | Unset = BillsExportAllSort.ID_KEY,
    payment_type: PaymentType | Unset = UNSET,
    date_from: datetime.date | Unset = UNSET,
    date_to: datetime.date | Unset = UNSET,
    format_: BillsExportAllFormat | Unset = BillsExportAllFormat.CSV,
) -> ErrorBody | RateLimitBody | ValidationErrors | str | None:
    """Export bills

     Export all objects that the filters let through, as they are at one moment.

    Args:
        include (Literal['timestamps'] | Unset): `timestamps` adds `created_at` and `updated_at`
            to objects.
        updated_since (datetime.datetime | Unset): Only objects created or changed at this time or
            later, archived ones included.
        sort (BillsExportAllSort | Unset):  Default: BillsExportAllSort.ID_KEY.
        payment_type (PaymentType | Unset):
        date_from (datetime.date | Unset):
        date_to (datetime.date | Unset):
        format_ (BillsExportAllFormat | Unset): CSV with a header line, or one JSON object a line.
            Default: BillsExportAllFormat.CSV.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | RateLimitBody | ValidationErrors | str
    """

    return sync_detailed(
        client=client,
        include=include,
        updated_since=updated_since,
        sort=sort,
        payment_type=payment_type,
        date_from=date_from,
        date_to=date_to,
        format_=format_,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    include: Literal["timestamps"] | Unset = UNSET,
    updated_since: datetime.datetime | Unset = UNSET,
    sort: BillsExportAllSort | Unset = BillsExportAllSort.ID_KEY,
    payment_type: PaymentType | Unset = UNSET,
    date_from: datetime.date | Unset = UNSET,
    date_to: datetime.date | Unset = UNSET,
    format_: BillsExportAllFormat | Unset = BillsExportAllFormat.CSV,
) -> Response[ErrorBody | RateLimitBody | ValidationErrors | str]:
    """Export bills

     Export all objects that the filters let through, as they are at one moment.

    Args:
        include (Literal['timestamps'] | Unset): `timestamps` adds `created_at` and `updated_at`
            to objects.
        updated_since (datetime.datetime | Unset): Only objects created or changed at this time or
            later, archived ones included.
        sort (BillsExportAllSort | Unset):  Default: BillsExportAllSort.ID_KEY.
        payment_type (PaymentType | Unset):
        date_from (datetime.date | Unset):
        date_to (datetime.date | Unset):
        format_ (BillsExportAllFormat | Unset): CSV with a header line, or one JSON object a line.
            Default: BillsExportAllFormat.CSV.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | RateLimitBody | ValidationErrors | str]
    """

    kwargs = _get_kwargs(
        include=include,
        updated_since=updated_since,
        sort=sort,
        payment_type=payment_type,
        date_from=date_from,
        date_to=date_to,
        format_=format_,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    include: Literal["timestamps"] | Unset = UNSET,
    updated_since: datetime.datetime | Unset = UNSET,
    sort: BillsExportAllSort | Unset = BillsExportAllSort.ID_KEY,
    payment_type: PaymentType | Unset = UNSET,
    date_from: datetime.date | Unset = UNSET,
    date_to: datetime.date | Unset = UNSET,
    format_: BillsExportAllFormat | Unset = BillsExportAllFormat.CSV,
) -> ErrorBody | RateLimitBody | ValidationErrors | str | None:
    """Export bills

     Export all objects that the filters let through, as they are at one moment.

    Args:
        include (Literal['timestamps'] | Unset): `timestamps` adds `created_at` and `updated_at`
            to objects.
        updated_since (datetime.datetime | Unset): Only objects created or changed at this time or
            later, archived ones included.
        sort (BillsExportAllSort | Unset):  Default: BillsExportAllSort.ID_KEY.
        payment_type (PaymentType | Unset):
        date_from (datetime.date | Unset):
        date_to (datetime.date | Unset):
        format_ (BillsExportAllFormat | Unset): CSV with a header line, or one JSON object a line.
            Default: BillsExportAllFormat.CSV.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | RateLimitBody | ValidationErrors | str
    """

    return (
        await asyncio_detailed(
            client=client,
            include=include,
            updated_since=updated_since,
            sort=sort,
            payment_type=payment_type,
            date_from=date_from,
            date_to=date_to,
            format_=format_,
        )
    ).parsed
