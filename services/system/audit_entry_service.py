"""Reading the audit log."""

from models.system.audit_entry import AuditEntryModel
from repositories.system.audit_entry_repository import AuditEntryRepository
from schemas.base_schema import NothingToWrite
from schemas.list_query import ListQuery
from schemas.system.audit_schema import AuditEntrySchema
from services.base_service_impl import BaseService
from services.context.request_context import RequestContext
from services.rendering import RenderedJson, render, rows_to_dicts
from services.system.pseudonyms import ClientKey, Entry, client_in, pseudonym_of, readable


class AuditEntryService(BaseService[AuditEntryModel, NothingToWrite, NothingToWrite, AuditEntrySchema]):
    """Shows clients and their objects by their ids, as long as the clients exist."""

    repository = AuditEntryRepository
    schema = AuditEntrySchema

    async def page(self, context: RequestContext, query: ListQuery) -> RenderedJson:
        fields = self.fields_of(query.include)
        statement = self.repository.page(await self._as_stored(context, query), fields)
        entries = rows_to_dicts(fields, await self.fetch(context, statement))
        keys = await self._keys(context, entries)
        return render([readable(entry, keys) for entry in entries])

    async def count(self, context: RequestContext, query: ListQuery) -> int:
        return await super().count(context, await self._as_stored(context, query))

    async def _keys(self, context: RequestContext, entries: list[Entry]) -> dict[str, ClientKey]:
        """Return the keys of the clients in the entries, by pseudonym."""
        if not (pseudonyms := {found for entry in entries if (found := pseudonym_of(entry))}):
            return {}
        rows = await self.fetch(context, AuditEntryRepository.keys(pseudonyms))
        return {pseudonym: ClientKey(client_id, bytes(key)) for pseudonym, client_id, key in rows}

    async def _as_stored(self, context: RequestContext, query: ListQuery) -> ListQuery:
        """Return the query with the pseudonyms of clients in its filters."""
        given = query.filters()
        texts = {name: given[name] for name in ("principal", "path") if name in given}
        stored: dict[str, str] = {name: await self._with_pseudonym(context, text) for name, text in texts.items()}
        return query.model_copy(update=stored)

    async def _with_pseudonym(self, context: RequestContext, text: str) -> str:
        if (found := client_in(text)) is None:
            return text
        rows = await self.fetch(context, AuditEntryRepository.pseudonym(int(found[2])))
        return f"{found[1]}{rows[0][0]}{text[found.end():]}" if rows else text
