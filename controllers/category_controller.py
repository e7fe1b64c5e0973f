"""Categories over HTTP."""

from controllers.base_controller_impl import BaseController
from controllers.http.access import PUBLIC, Access
from schemas.category_schema import CategoryCreate, CategoryFilters, CategorySchema, CategoryUpdate
from services.category_service import CategoryService


class CategoryController(BaseController[CategoryCreate, CategoryUpdate, CategorySchema]):
    """Categories of products."""

    prefix = "/categories"
    service = CategoryService
    filters = CategoryFilters
    access = Access(read=PUBLIC)
