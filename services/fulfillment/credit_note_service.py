"""Credit notes, which only refunds of returns make."""

from models.fulfillment.credit_note import CreditNoteModel
from repositories.fulfillment.credit_note_repository import CreditNoteRepository
from schemas.base_schema import NothingToWrite
from schemas.fulfillment.return_schema import CreditNoteSchema
from services.base_service_impl import BaseService


class CreditNoteService(BaseService[CreditNoteModel, NothingToWrite, NothingToWrite, CreditNoteSchema]):
    repository = CreditNoteRepository
    schema = CreditNoteSchema
