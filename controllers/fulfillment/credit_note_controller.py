"""Credit notes over HTTP: for admins."""

from controllers.base_controller_impl import BaseController
from schemas.base_schema import NothingToWrite
from schemas.fulfillment.return_schema import CreditNoteFilters, CreditNoteSchema
from services.fulfillment.credit_note_service import CreditNoteService


class CreditNoteController(BaseController[NothingToWrite, NothingToWrite, CreditNoteSchema]):
    """Documents of refunded returns."""

    prefix = "/credit_notes"
    service = CreditNoteService
    filters = CreditNoteFilters

    def register(self) -> None:
        self.add_list(self.prefix, self.list_all, "List credit notes", CreditNoteSchema)
        self.add_read(self.object_path, self.get_one, "Get a credit note", CreditNoteSchema, 404)
