"""Credit notes, which only refunds of returns make."""

from models.credit_note import CreditNoteModel
from repositories.credit_note_repository import CreditNoteRepository
from schemas.base_schema import NothingToWrite
from schemas.return_schema import CreditNoteSchema
from services.base_service_impl import BaseService


class CreditNoteService(BaseService[CreditNoteModel, NothingToWrite, NothingToWrite, CreditNoteSchema]):
    repository = CreditNoteRepository
    schema = CreditNoteSchema
