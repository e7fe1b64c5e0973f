"""What a service answers instead of a result; each error knows its status and body, so that it can be replayed.

ServiceError
├── NotFoundError            404  the object, or one that it refers to, does not exist
├── RejectedError            400  a rule of the shop says no
├── UnauthorizedError        401  who asks is unknown, and has to be known
├── ForbiddenError           403  whoever has this role may never do it
├── ConflictError            409  what is stored says no
├── PreconditionFailedError  412  the object has changed since the caller read it
└── InvalidError             422  fields that are right one by one do not fit each other
"""

from typing import Any, ClassVar


class ServiceError(Exception):
    status: ClassVar[int]

    def __init__(self, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.body: dict[str, Any] = {"detail": detail, **more}


class NotFoundError(ServiceError):
    status = 404

    def __init__(self, entity: str, id_key: int) -> None:
        super().__init__(f"{entity} with id {id_key} not found")
        self.body = {"message": str(self)}


class RejectedError(ServiceError):
    status = 400


class UnauthorizedError(ServiceError):
    status = 401


class ForbiddenError(ServiceError):
    status = 403


class ConflictError(ServiceError):
    status = 409


class PreconditionFailedError(ServiceError):
    status = 412


class InvalidError(ServiceError):
    status = 422

    def __init__(self, message: str, *fields: str, part: str = "body") -> None:
        super().__init__(message)
        self.body = {"detail": [{"loc": [part, *fields], "msg": message, "type": "value_error"}]}
