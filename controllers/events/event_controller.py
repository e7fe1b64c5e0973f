"""The event log over HTTP: for admins, read-only."""

from controllers.base_controller_impl import BaseController
from schemas.base_schema import NothingToWrite
from schemas.events.event_schema import EventFilters, EventSchema
from services.events.event_service import EventService


class EventController(BaseController[NothingToWrite, NothingToWrite, EventSchema]):
    """The event log: every change of the shop, in order, for other programs."""

    prefix = "/events"
    service = EventService
    filters = EventFilters

    def register(self) -> None:
        self.add_list(self.prefix, self.list_all, "List events", EventSchema, 410)
