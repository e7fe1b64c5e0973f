"""Refusals of services. `controllers/http/exception_handlers.py` turns each class into a status and a body.

ServiceError
├── NotFoundError              the object, or one that it refers to, does not exist
├── RejectedError              a rule of the shop forbids it
├── UnauthorizedError          the caller is not identified
├── ForbiddenError             the caller's role may never do this
├── ConflictError              the stored data forbid it
├── GoneError                  it has existed, and is removed because of its age
├── PreconditionFailedError    the object has changed since the caller read it
├── InvalidError               valid fields contradict each other
├── NotAppliedError            another item of the same batch failed
├── ImportRefusedError         lines of an imported file are wrong
└── IdempotencyKeyReusedError  the key belongs to another request

UnexplainedRefusalError is a fault of ours: a statement refuses, and the code that explains refusals finds no reason.
"""

from typing import Any


class ServiceError(Exception):
    def __init__(self, detail: str, **extra: Any) -> None:
        """Keep the `detail`, and `extra` fields for the error's body."""
        super().__init__(detail)
        self.detail, self.extra = detail, extra


class NotFoundError(ServiceError):
    def __init__(self, entity: str, id_key: int) -> None:
        super().__init__(f"{entity} with id {id_key} not found")
        self.id_key = id_key


class RejectedError(ServiceError): ...


class UnauthorizedError(ServiceError): ...


class ForbiddenError(ServiceError): ...


class ConflictError(ServiceError): ...


class GoneError(ServiceError): ...


class PreconditionFailedError(ServiceError): ...


class InvalidError(ServiceError):
    def __init__(self, detail: str, *fields: str) -> None:
        super().__init__(detail)
        self.fields = fields


class NotAppliedError(ServiceError): ...


class ImportRefusedError(ServiceError):
    def __init__(self, errors: list[dict[str, Any]]) -> None:
        """Keep the first errors, each with its `line` and `detail`."""
        super().__init__("Lines of the file are wrong")
        self.errors = errors


class IdempotencyKeyReusedError(ServiceError):
    def __init__(self) -> None:
        super().__init__("The key was used for another request")


class UnexplainedRefusalError(Exception): ...
