"""Reads through the cache. A subclass names its namespace; nothing else about caching is an entity's business."""

from typing import ClassVar

from services.base_service_impl import BaseService, Create, Model, Read, Update
from services.cache_service import CacheNamespace
from services.resources import Resources


class CachedService(BaseService[Model, Create, Update, Read]):
    namespace: ClassVar[CacheNamespace]

    def __init__(self, resources: Resources) -> None:
        super().__init__(resources)
        resources.cached[self.repository.model.__tablename__] = self.namespace
