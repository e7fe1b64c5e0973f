"""Command for API keys: `python -m scripts.api_key make admin`, `make client 5`, `rotate NAME`, `revoke NAME`, `list`.

It uses the database of the settings. The service may be running or may never have run.
"""

import argparse
import asyncio
import secrets
import sys
from typing import Any

import orjson
from pydantic import ValidationError

from config.settings import Settings, load_settings
from infrastructure.exceptions import UnavailableError
from infrastructure.postgres.database import Database
from infrastructure.servers import script_servers
from migrations.runner import migrate
from repositories.idempotency_repository import StoredResponse
from schemas.api_key_schema import DAY_SECONDS, ApiKeyCreate, ApiKeyFilters, ApiKeyRotation
from services.api_key_service import ApiKeyService
from services.app_context import AppContext
from services.auth.authenticator import KEY_TRUST_SECONDS
from services.auth.principal import Principal, Role
from services.cache_service import CacheService
from services.caching.database_watch import DatabaseWatch
from services.exceptions import ServiceError
from services.refusals import Refusals
from services.rendering import Created
from services.request_context import AuditedRequest, RequestContext
from services.transactions.in_doubt import InDoubtWrites

Json = dict[str, Any]

PAGE = 1000
COLUMNS = "{:<10}{:<8}{:<8}{:<21}{:<21}{:<21}{:<21}{}\n"
SHOWN = ("name", "role", "client_id", "created_at", "last_used_at", "expires_at", "revoked_at", "scopes")
HEADS = ("name", "role", "client", "created", "last used", "expires", "revoked", "scopes")


def main() -> None:
    """Run the command that the arguments name. Exit with a message when it is refused."""
    arguments = parser().parse_args()
    with script_servers(load_settings()) as settings:
        migrate(settings, wait_seconds=0)
        try:
            output = asyncio.run(run(settings, arguments))
        except ServiceError as error:
            sys.exit(error.detail)
        except UnavailableError as error:
            sys.exit(f"The database cannot be used: {error}")
        except ValidationError as error:
            problems = (f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
            sys.exit("\n".join(problems))
    sys.stdout.write(output)


async def run(settings: Settings, arguments: argparse.Namespace) -> str:
    database = Database(settings)
    in_doubt = InDoubtWrites(database, None, settings.db_statement_timeout)
    try:
        watch = DatabaseWatch(database, None)
        keys = Keys(ApiKeyService(AppContext(settings, database, None, CacheService(), in_doubt, watch, Refusals())))
        output: str = await arguments.act(keys, arguments)
        return output
    finally:
        database.close()


def parser() -> argparse.ArgumentParser:
    """Build the parser. `act` is the method that runs the chosen command."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.api_key", description="Keys that callers send as X-API-Key."
    )
    commands = parser.add_subparsers(required=True)
    making = commands.add_parser("make", help="make a key, which is shown once")
    making.add_argument("role", choices=[Role.CLIENT.value, Role.ADMIN.value])
    making.add_argument("client", nargs="?", type=int, help="id_key of the client that the key acts for")
    making.add_argument("--description")
    making.add_argument("--scope", action="append", help="read, orders:read, orders:write …; repeat it for several")
    making.add_argument("--network", action="append", help="such as 203.0.113.0/24; repeat it for several")
    making.add_argument("--expires", metavar="TIME", help="in ISO 8601, in UTC unless it says otherwise")
    making.set_defaults(act=Keys.make)
    rotating = commands.add_parser("rotate", help="make a key with the same rights, and end the old one later")
    rotating.add_argument("name")
    rotating.add_argument(
        "--overlap", type=int, default=DAY_SECONDS, metavar="SECONDS", help="how long the old key stays valid"
    )
    rotating.set_defaults(act=Keys.rotate)
    revoking = commands.add_parser("revoke", help="refuse a key from now on")
    revoking.add_argument("name")
    revoking.set_defaults(act=Keys.revoke)
    commands.add_parser("list", help="list the keys").set_defaults(act=Keys.list_all)
    return parser


class Keys:
    """Commands. Each returns the text to print."""

    def __init__(self, service: ApiKeyService) -> None:
        self._service = service
        self._audits = service.app_context.settings.audits

    async def make(self, arguments: argparse.Namespace) -> str:
        given = {
            "role": arguments.role,
            "client_id": arguments.client,
            "description": arguments.description,
            "scopes": arguments.scope,
            "networks": arguments.network,
            "expires_at": arguments.expires,
        }
        context = self._context("POST", "/api_keys", 201)
        return _shown(await self._service.save(context, ApiKeyCreate.model_validate(given)))

    async def rotate(self, arguments: argparse.Namespace) -> str:
        id_key, rotation = await self._find(arguments.name), ApiKeyRotation(overlap_seconds=arguments.overlap)
        context = self._context("POST", f"/api_keys/{id_key}/rotate", 201)
        made = _shown(await self._service.rotate(context, id_key, rotation))
        return f"{made}{arguments.name} is refused in {arguments.overlap} seconds, or when it expires\n"

    async def revoke(self, arguments: argparse.Namespace) -> str:
        id_key = await self._find(arguments.name)
        await self._service.delete(self._context("DELETE", f"/api_keys/{id_key}", 204), id_key)
        return f"{arguments.name} is refused from now on, by running workers within {KEY_TRUST_SECONDS} seconds\n"

    async def list_all(self, _: argparse.Namespace) -> str:
        """Return a table of all keys, revoked ones included."""
        rows, page = [COLUMNS.format(*HEADS)], await self._page()
        while page:
            rows += (COLUMNS.format(*(_cell(key[name]) for name in SHOWN)) for key in page)
            page = await self._page(after_id=page[-1]["id_key"])
        return "".join(rows)

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


def _shown(created: Created | StoredResponse) -> str:
    key = orjson.loads(created.body)
    return f"Name  {key['name']}\nKey   {key['key']}\nIt is not shown again. Send it as X-API-Key.\n"


def _cell(value: Any) -> str:
    """Return the text of a value; a time to the second."""
    if isinstance(value, list):
        return ",".join(value)
    return f"{value or '-':.19}".replace("T", " ") if value is None or isinstance(value, str) else str(value)


if __name__ == "__main__":
    main()
