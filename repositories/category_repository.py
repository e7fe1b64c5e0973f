"""SQL of category rows."""

from models.category import CategoryModel
from repositories.base_repository_impl import BaseRepository


class CategoryRepository(BaseRepository[CategoryModel]):
    model = CategoryModel
