"""The rules of categories: names are unique. Read through the cache, for an hour: they seldom change."""

from models.category import CategoryModel
from repositories.category_repository import CategoryRepository
from schemas.category_schema import CategoryCreate, CategoryFilters, CategorySchema, CategoryUpdate
from services.cache_service import CacheNamespace
from services.cached_service import CachedService


class CategoryService(CachedService[CategoryModel, CategoryCreate, CategoryUpdate, CategorySchema]):
    repository = CategoryRepository
    schema = CategorySchema
    namespace = CacheNamespace("categories", CategoryFilters, ttl_seconds=3600)
    unique_messages = {"uq_categories_name": "Category name already exists"}
