"""The rules of categories: names are unique. Reads are cached for an hour, because categories seldom change."""

from models.category import CategoryModel
from repositories.category_repository import CategoryRepository
from schemas.category_schema import CategoryCreate, CategorySchema, CategoryUpdate
from services.caching.cached_service import CachedService
from services.caching.registry import CATEGORIES


class CategoryService(CachedService[CategoryModel, CategoryCreate, CategoryUpdate, CategorySchema]):
    repository = CategoryRepository
    schema = CategorySchema
    cached = CATEGORIES
    unique_messages = {"uq_categories_name": "Category name already exists"}
