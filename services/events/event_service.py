"""Reading the event log."""

from contextlib import suppress

from infrastructure.exceptions import RefusedError, UnavailableError
from models.events.event import EventModel
from repositories.events.event_repository import EventRepository
from schemas.base_schema import NothingToWrite
from schemas.events.event_schema import EventSchema
from schemas.list_query import ListQuery
from services.base_service_impl import BaseService
from services.context.request_context import RequestContext
from services.events.event_bodies import body_of
from services.exceptions import GoneError
from services.rendering import RenderedJson, render, rows_to_dicts


class EventService(BaseService[EventModel, NothingToWrite, NothingToWrite, EventSchema]):
    repository = EventRepository
    schema = EventSchema

    async def page(self, context: RequestContext, query: ListQuery) -> RenderedJson:
        """Return one page, with the events of every write that has been answered. Raises GoneError."""
        await self._publish()
        fields = self.fields_of(query.include)
        rows = await self.app_context.database.reads.fetch(*self.repository.page(query, fields))
        # Afterwards, because events may be removed at any moment.
        await self._check_is_complete(query)
        events = rows_to_dicts(fields, rows)
        return render([event | {"data": body_of(event["resource"], event["data"])} for event in events])

    async def _publish(self) -> None:
        """Publish the events of all committed writes; without a database for writes, they come later."""
        app = self.app_context
        with suppress(UnavailableError, RefusedError):
            await app.database.writes.write(*EventRepository.publish(app.settings.low_stock_threshold, waits=True))

    async def _check_is_complete(self, query: ListQuery) -> None:
        """Raise GoneError if events after `after_id` have been removed. 0 stands for the beginning of the log."""
        if not query.after_id or query.sort != "id_key":
            return
        [(oldest,)] = await self.app_context.database.reads.fetch(*EventRepository.oldest())
        if oldest is not None and query.after_id < oldest - 1:
            raise GoneError(f"Events after {query.after_id} have been removed. The oldest event is {oldest}")
