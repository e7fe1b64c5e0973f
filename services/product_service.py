"""The rules of products. Reads are cached for `REDIS_CACHE_TTL` seconds."""

from models.product import ProductModel
from repositories.product_repository import ProductRepository
from repositories.review_repository import ReviewRepository
from repositories.system.idempotency_repository import StoredResponse
from schemas.base_schema import NothingToWrite
from schemas.product_schema import LowStockQuery, ProductCreate, ProductRating, ProductSchema, ProductUpdate
from services.caching.cached_service import CachedService
from services.caching.registry import PRODUCTS
from services.context.request_context import RequestContext
from services.rendering import ActionResult, RenderedJson, render


class ProductService(CachedService[ProductModel, ProductCreate, ProductUpdate, ProductSchema]):
    repository = ProductRepository
    schema = ProductSchema
    cached = PRODUCTS
    unique_messages = {"uq_products_sku": "SKU already exists"}

    async def rating(self, context: RequestContext, id_key: int) -> RenderedJson:
        """Return the average of the product's reviews. Raises NotFoundError."""
        await self.get_one(context, id_key)
        [(average, count)] = await self.fetch(context, ReviewRepository.rating(id_key))
        return render(ProductRating(product_id=id_key, average_rating=average, review_count=count))

    async def set_archived(
        self, context: RequestContext, id_key: int, _: NothingToWrite, *, is_archived: bool
    ) -> ActionResult | StoredResponse:
        """Archive the product, or end that. Sales wait for the lock, and see the new state. Raises NotFoundError."""
        return await self.act(context, id_key, {"archived": is_archived})

    def with_threshold(self, query: LowStockQuery) -> LowStockQuery:
        """Return the query with the default threshold if it has none."""
        threshold = self.app_context.settings.low_stock_threshold if query.threshold is None else query.threshold
        return query.model_copy(update={"threshold": threshold})
