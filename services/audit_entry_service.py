"""Reading the audit log."""

from models.audit_entry import AuditEntryModel
from repositories.audit_entry_repository import AuditEntryRepository
from schemas.audit_schema import AuditEntrySchema
from schemas.base_schema import NothingToWrite
from schemas.list_query import ListQuery
from services.base_service_impl import BaseService
from services.pseudonyms import ClientKey, Entry, client_in, pseudonym_of, readable
from services.rendering import RenderedJson, render, rows_to_dicts
from services.request_context import RequestContext


class AuditEntryService(BaseService[AuditEntryModel, NothingToWrite, NothingToWrite, AuditEntrySchema]):
    """Shows clients and their objects by their ids, as long as the clients exist."""

    repository = AuditEntryRepository
    schema = AuditEntrySchema

    async def page(self, context: RequestContext, query: ListQuery) -> RenderedJson:
        fields = self.fields_of(query.include)
        statement = self.repository.page(await self._as_stored(query), fields)
        entries = rows_to_dicts(fields, await self.app_context.database.reads.fetch(*statement))
        keys = await self._keys(entries)
        return render([readable(entry, keys) for entry in entries])

    async def count(self, context: RequestContext, query: ListQuery) -> int:
        return await super().count(context, await self._as_stored(query))

    async def _keys(self, entries: list[Entry]) -> dict[str, ClientKey]:
        """Return the keys of the clients in the entries, by pseudonym."""
        if not (pseudonyms := {found for entry in entries if (found := pseudonym_of(entry))}):
            return {}
        rows = await self.app_context.database.reads.fetch(*AuditEntryRepository.keys(pseudonyms))
        return {pseudonym: ClientKey(client_id, bytes(key)) for pseudonym, client_id, key in rows}

    async def _as_stored(self, query: ListQuery) -> ListQuery:
        """Return the query with the pseudonyms of clients in its filters."""
        given = query.filters()
        texts = {name: given[name] for name in ("principal", "path") if name in given}
        return query.model_copy(update={name: await self._with_pseudonym(text) for name, text in texts.items()})

    async def _with_pseudonym(self, text: str) -> str:
        if (found := client_in(text)) is None:
            return text
        rows = await self.app_context.database.reads.fetch(*AuditEntryRepository.pseudonym(int(found[2])))
        return f"{found[1]}{rows[0][0]}{text[found.end():]}" if rows else text
