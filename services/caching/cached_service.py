"""Reads through the cache. A subclass names its resource and needs no other code for caching."""

from typing import ClassVar

from schemas.base_schema import is_storable_key
from schemas.list_query import Include, ListQuery
from services.base_service_impl import BaseService, Create, Model, Read, Update
from services.caching.entries import CachedResource
from services.context.request_context import RequestContext
from services.rendering import RenderedJson


class CachedService(BaseService[Model, Create, Update, Read]):
    cached: ClassVar[CachedResource]

    async def get_all(self, context: RequestContext, query: ListQuery) -> RenderedJson:
        entry = self.cached.page(query)
        if entry is None:
            return (await self.page(context, query))._replace(hit=False)
        cache = self.app_context.cache
        return await cache.read(entry, lambda: self.page(context.on_primary(), query), context.cache_lookup)

    async def get_one(self, context: RequestContext, id_key: int, include: Include = None) -> RenderedJson:
        if not is_storable_key(id_key):
            raise self.not_found(id_key)
        cache, entry = self.app_context.cache, self.cached.one(id_key, include)
        return await cache.read(entry, lambda: self.row(context.on_primary(), id_key, include), context.cache_lookup)
