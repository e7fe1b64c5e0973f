"""The rules of products: what is put in is counted. Read through the cache, for `REDIS_CACHE_TTL` seconds."""

from sqlalchemy.orm import Session

from models.product import ProductModel
from repositories.base_repository_impl import Values
from repositories.product_repository import ProductRepository
from repositories.review_repository import ReviewRepository
from schemas.product_schema import (
    LowStockQuery,
    ProductCreate,
    ProductFilters,
    ProductRating,
    ProductSchema,
    ProductUpdate,
)
from services.cache_service import CacheNamespace
from services.cached_service import CachedService
from services.rendering import RenderedJson, render


class ProductService(CachedService[ProductModel, ProductCreate, ProductUpdate, ProductSchema]):
    repository = ProductRepository
    schema = ProductSchema
    namespace = CacheNamespace("products", ProductFilters)

    def before_save(self, new: ProductCreate) -> Values:
        return {**new.model_dump(), "supplied": new.stock}

    def before_update(self, session: Session, instance: ProductModel, values: Values) -> Values:
        put_in = values.get("stock", instance.stock) - instance.stock
        return {**values, "supplied": instance.supplied + put_in}

    async def rating(self, id_key: int) -> RenderedJson:
        """How the product was reviewed. Raises NotFoundError."""
        await self.get_one(id_key)
        [(average, count)] = await self.app_context.database.reads.fetch(*ReviewRepository.rating(id_key))
        return render(ProductRating(product_id=id_key, average_rating=average, review_count=count))

    def low_stock(self, query: LowStockQuery) -> LowStockQuery:
        """The question for the products that have little left. To be answered by `page`, since it is for reordering."""
        threshold = self.app_context.settings.low_stock_threshold if query.threshold is None else query.threshold
        return query.model_copy(update={"threshold": threshold})
