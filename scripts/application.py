"""Services for commands: their database, without Redis and without a web server."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import ValidationError

from config.settings import Settings
from infrastructure.exceptions import UnavailableError
from infrastructure.postgres.database import Database
from services.cache_service import CacheService
from services.caching.database_watch import DatabaseWatch
from services.context.app_context import AppContext
from services.exceptions import ServiceError
from services.system.refusals import Refusals
from services.transactions.in_doubt import InDoubtWrites

Result = TypeVar("Result")


def run_with_services(settings: Settings, act: Callable[[AppContext], Awaitable[Result]]) -> Result:
    """Return the result of `act`. Exit with a message when a service refuses, or the database cannot be used."""
    try:
        return asyncio.run(_run(settings, act))
    except ServiceError as error:
        sys.exit(error.detail)
    except UnavailableError as error:
        sys.exit(f"The database cannot be used: {error}")
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        sys.exit("\n".join(problems))


async def _run(settings: Settings, act: Callable[[AppContext], Awaitable[Result]]) -> Result:
    database = Database(settings)
    in_doubt, watch = InDoubtWrites(database, None, settings.db_statement_timeout), DatabaseWatch(database, None)
    try:
        return await act(AppContext(settings, database, None, CacheService(), in_doubt, watch, Refusals()))
    finally:
        database.close()
