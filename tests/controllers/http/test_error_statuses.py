"""Statuses of the errors that services raise."""

from collections.abc import Iterator

from controllers import CONTROLLERS
from controllers.http.exception_handlers import STATUSES
from services.exceptions import ServiceError


def all_subclasses(parent: type[ServiceError]) -> Iterator[type[ServiceError]]:
    for child in parent.__subclasses__():
        yield child
        yield from all_subclasses(child)


def test_every_service_error_has_a_status() -> None:
    """Look up the exact class, as the handler does: a subclass does not inherit the status of its parent."""
    assert CONTROLLERS  # imports every service, and so every subclass
    found = set(all_subclasses(ServiceError))
    assert found
    assert found - STATUSES.keys() == set()
    assert all(400 <= STATUSES[error] < 500 for error in found)
