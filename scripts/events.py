"""The event log on the command line: `./shop events [--follow]`."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import orjson

from config.settings import load_settings
from infrastructure.servers import script_servers
from schemas.events.event_schema import EventFilters
from scripts.application import run_with_services
from scripts.output import write
from services.context.app_context import AppContext
from services.context.request_context import RequestContext
from services.events.event_service import EventService

Event = dict[str, Any]

PAGE = 1000
POLL_SECONDS = 1.0
LINE = "{id_key:>8}  {created_at:.19}  {type:<28}{resource}\n"


def main(after: int | None, kind: str | None, limit: int, follow: bool, as_json: bool) -> None:
    """Print events, oldest first: those after the key `after`, or else the newest ones."""

    async def show(app_context: AppContext) -> None:
        async for event in events(EventService(app_context), after, kind, limit, follow):
            write(as_json, event, LINE.format(**event))

    with script_servers(load_settings()) as settings:
        run_with_services(settings, show)


async def events(
    service: EventService, after: int | None, kind: str | None, limit: int, follow: bool
) -> AsyncGenerator[Event, None]:
    """Yield up to `limit` events; with `follow`, new ones for ever. Raises GoneError if some have been removed."""

    async def page(**query: Any) -> list[Event]:
        rendered = await service.page(RequestContext(), EventFilters(type=kind, **query))
        found: list[Event] = orjson.loads(rendered.body)
        return found

    if after is None:
        newest = await page(limit=limit, sort="-id_key")
        for event in reversed(newest):
            yield event
        after, limit = newest[0]["id_key"] if newest else 0, 0
    while limit > 0 or follow:
        found = await page(after_id=after, limit=PAGE if follow else min(limit, PAGE))
        for event in found:
            yield event
            after = event["id_key"]
        limit -= len(found)
        if not found:
            if not follow:
                return
            await asyncio.sleep(POLL_SECONDS)
