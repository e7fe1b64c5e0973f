"""Client of the e-commerce REST API: generated operations and models, with paging, retries and safe changes."""

from ecommerce_client.changes import async_change, change
from ecommerce_client.connection import connect
from ecommerce_client.errors import ApiError, PreconditionFailedError, expect
from ecommerce_client.paging import async_pages, pages

__all__ = [
    "ApiError",
    "PreconditionFailedError",
    "async_change",
    "async_pages",
    "change",
    "connect",
    "expect",
    "pages",
]
