"""Reads through the cache. A subclass names its namespace; nothing else about caching is an entity's business."""

from dataclasses import replace
from typing import ClassVar

from repositories.base_repository_impl import is_storable_key
from schemas.list_query import ListQuery
from services.app_context import AppContext
from services.base_service_impl import BaseService, Create, Model, Read, Update
from services.cache_service import CacheNamespace
from services.rendering import RenderedJson


class CachedService(BaseService[Model, Create, Update, Read]):
    namespace: ClassVar[CacheNamespace]

    def __init__(self, app_context: AppContext) -> None:
        super().__init__(app_context)
        app_context.cached[self.repository.model.__tablename__] = self.namespace

    async def get_all(self, query: ListQuery) -> RenderedJson:
        entry = self.namespace.page(query)
        if entry is None:
            return replace(await self.page(query), hit=False)
        return await self.app_context.cache.read(entry, lambda: self.page(query))

    async def get_one(self, id_key: int) -> RenderedJson:
        if not is_storable_key(id_key):
            raise self.not_found(id_key)
        return await self.app_context.cache.read(self.namespace.one(id_key), lambda: self.row(id_key))
