"""Dependencies for endpoints that are written with plain FastAPI.

`docs/ARCHITECTURE.md`, "Add your own endpoint", shows how to use them.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, partial
from typing import Annotated

from fastapi import Depends
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from config.database import get_db
from controllers.http.access import ADMINS, CLIENTS, PUBLIC, Permission, Policy
from middleware.cors import SAFE_METHODS
from middleware.scope_keys import REQUEST_CONTEXT, REQUEST_WRITES
from repositories.transaction import Transaction
from services.auth.principal import Principal
from services.caching.entries import ALL_ROWS
from services.transactions.tracked_session import TrackedSession, open_unit_of_work

__all__ = [
    "ADMINS",
    "CLIENTS",
    "PUBLIC",
    "CurrentPrincipal",
    "Db",
    "Guarded",
    "OpenUnitOfWork",
    "allow",
    "current_principal",
    "get_db",
    "mark_changed",
    "unit_of_work",
]


async def current_principal(request: Request) -> Principal:
    """Return the caller. While AUTH_MODE is none, everybody is an admin."""
    principal: Principal = request.scope[REQUEST_CONTEXT].principal
    return principal


async def unit_of_work(request: Request) -> Callable[[], AbstractContextManager[Transaction]]:
    """Return a function that opens a transaction: leaving `with unit_of_work() as tx:` commits it.

    `tx` is what repositories take. The block raises a refusal of the database as a ServiceError.
    """
    return partial(open_unit_of_work, request.scope[REQUEST_WRITES])


Db = Annotated[Session, Depends(get_db)]
CurrentPrincipal = Annotated[Principal, Depends(current_principal)]
OpenUnitOfWork = Annotated[Callable[[], AbstractContextManager[Transaction]], Depends(unit_of_work)]


@dataclass(frozen=True)
class Allow:
    """The policy of a route. The router checks it before it reads the body; this checks a principal of an override."""

    policy: Policy

    async def __call__(self, request: Request, principal: CurrentPrincipal) -> Principal:
        check_access(self.policy, request.scope, principal)
        return principal


@cache
def allow(policy: Policy) -> Allow:
    """Return the dependency that opens a route to the callers of a policy: PUBLIC, CLIENTS or ADMINS.

    Its value is the caller. All policies of a route must agree, those of its routers included.
    """
    return Allow(policy)


@dataclass(frozen=True)
class Guarded:
    """An application with a policy, to be mounted: `app.mount("/reports", Guarded(reports, ADMINS))`."""

    app: ASGIApp
    policy: Policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        check_access(self.policy, scope, scope[REQUEST_CONTEXT].principal)
        await self.app(scope, receive, send)


def check_access(policy: Policy, scope: Scope, principal: Principal) -> None:
    """Raise UnauthorizedError or ForbiddenError if the policy, or a scope of the key, does not admit the request.

    The first word of the path is the resource in the names of scopes: `/stock/report` needs `stock:read`.
    """
    resource, is_read = scope["path"].split("/", 2)[1], scope["method"] in SAFE_METHODS
    Permission.of(policy, resource, is_read=is_read).check(principal)


def mark_changed(db: Session, table: str, *id_keys: int) -> None:
    """Let the commit drop these rows of `table` from the cache; without keys, all rows.

    For changes that the session does not see: SQL on its connection, `COPY`, functions of the database, and
    SQLAlchemy's `bulk_*` methods.
    """
    if isinstance(db, TrackedSession):
        db.changes.rows[table].update(id_keys or (ALL_ROWS,))


async def database_slot(request: Request) -> AsyncIterator[None]:
    """Hold one of the worker's DB_THREADS slots while an endpoint with a session runs.

    So no more transactions than connections exist, and no thread waits for a connection that a waiting request holds.
    A dependency of every route: FastAPI solves it after it has read the body, so a slow sender holds no slot.
    """
    writes = request.scope.get(REQUEST_WRITES)
    if writes is None or not writes.uses_database:
        yield
        return
    async with writes.app.database.threads.slots:
        yield
