"""Errors of the service as exceptions."""

from typing import Any, TypeVar

from ecommerce_client.generated.types import Response

T = TypeVar("T")


class ApiError(Exception):
    """Response other than the expected one. `detail` is the service's reason, `request_id` finds its log lines."""

    def __init__(self, response: Response[Any]) -> None:
        self.status = int(response.status_code)
        self.request_id = response.headers.get("X-Request-ID")
        self.detail = response.content.decode(errors="replace")
        super().__init__(f"{self.status} {self.detail}")


class PreconditionFailedError(ApiError):
    """The object has changed since it was read (412). Nothing has happened."""


def expect(kind: type[T], response: Response[Any]) -> T:
    """Return the object in the response. Raises ApiError if the response contains another one, or none."""
    if isinstance(response.parsed, kind):
        return response.parsed
    raise error_of(response)


def error_of(response: Response[Any]) -> ApiError:
    return PreconditionFailedError(response) if response.status_code == 412 else ApiError(response)
