"""API keys on the command line: `./shop api-key make|rotate|revoke|list`.

They use the database of the settings. The service may be running or may never have run.
"""

import secrets
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import orjson

from config.settings import load_settings
from infrastructure.servers import script_servers
from migrations.runner import migrate
from repositories.system.idempotency_repository import StoredResponse
from schemas.system.api_key_schema import ApiKeyCreate, ApiKeyFilters, ApiKeyRotation
from scripts.application import run_with_services
from services.auth.authenticator import KEY_TRUST_SECONDS
from services.auth.principal import Principal, Role
from services.context.app_context import AppContext
from services.context.request_context import AuditedRequest, RequestContext
from services.rendering import Created
from services.system.api_key_service import ApiKeyService

Json = dict[str, Any]
Result = TypeVar("Result")

PAGE = 1000
COLUMNS = "{:<10}{:<8}{:<8}{:<21}{:<21}{:<21}{:<21}{}\n"
SHOWN = ("name", "role", "client_id", "created_at", "last_used_at", "expires_at", "revoked_at", "scopes")
HEADS = ("name", "role", "client", "created", "last used", "expires", "revoked", "scopes")


def with_keys(act: "Callable[[Keys], Awaitable[Result]]") -> Result:
    """Return the result of `act` on the keys of the settings' database. Exit with a message when it is refused."""
    with script_servers(load_settings()) as settings:
        migrate(settings, wait_seconds=0)
        return run_with_services(settings, lambda app_context: act(Keys(app_context)))


class Keys:
    """The keys of a shop."""

    def __init__(self, app_context: AppContext) -> None:
        self._service = ApiKeyService(app_context)
        self._audits = app_context.settings.audits

    async def make(self, **given: Any) -> Json:
        """Make a key from the fields of `ApiKeyCreate`. Only this result contains the key itself."""
        context = self._context("POST", "/api_keys", 201)
        return _body(await self._service.save(context, ApiKeyCreate.model_validate(given)))

    async def rotate(self, name: str, overlap_seconds: int) -> Json:
        """Make a successor, and return it as `make` does."""
        id_key, rotation = await self._find(name), ApiKeyRotation(overlap_seconds=overlap_seconds)
        context = self._context("POST", f"/api_keys/{id_key}/rotate", 201)
        return _body(await self._service.rotate(context, id_key, rotation))

    async def revoke(self, name: str) -> Json:
        id_key = await self._find(name)
        await self._service.delete(self._context("DELETE", f"/api_keys/{id_key}", 204), id_key)
        return {"name": name, "refused_within_seconds": KEY_TRUST_SECONDS}

    async def list_all(self) -> list[Json]:
        """Return all keys, revoked ones included."""
        keys = page = await self._page()
        while page:
            page = await self._page(after_id=page[-1]["id_key"])
            keys = keys + page
        return keys

    async def _find(self, name: str) -> int:
        """Return the key's `id_key`. Exit with a message when no valid key has this name."""
        found = await self._page(name=name, revoked=False)
        if not found:
            sys.exit(f"No valid key is named {name}")
        return int(found[0]["id_key"])

    async def _page(self, **filters: Any) -> list[Json]:
        query = ApiKeyFilters(**{"revoked": None, "limit": PAGE, **filters})
        page: list[Json] = orjson.loads((await self._service.get_all(RequestContext(), query)).body)
        return page

    def _context(self, method: str, path: str, status: int) -> RequestContext:
        """Return a context whose changes the audit log attributes to this script."""
        request_id = secrets.token_hex(8)
        audited = AuditedRequest(request_id, None, method, path, status) if self._audits else None
        return RequestContext(Principal(Role.ADMIN, "script:api_key"), audited=audited)


def _body(created: Created | StoredResponse) -> Json:
    body: Json = orjson.loads(created.body)
    return body


def shown(key: Json) -> str:
    return f"Name  {key['name']}\nKey   {key['key']}\nIt is not shown again. Send it as X-API-Key.\n"


def table(keys: list[Json]) -> str:
    return "".join(COLUMNS.format(*row) for row in [HEADS, *([_cell(key[name]) for name in SHOWN] for key in keys)])


def _cell(value: Any) -> str:
    """Return the text of a value; a time to the second."""
    if isinstance(value, list):
        return ",".join(value)
    return f"{value or '-':.19}".replace("T", " ") if value is None or isinstance(value, str) else str(value)


if __name__ == "__main__":
    from scripts.shop import app

    app(["api-key", *sys.argv[1:]])
