"""Products over HTTP."""

from functools import partial
from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from controllers.base_controller_impl import BaseController, Parent
from controllers.http.access import ADMINS, PUBLIC, Access
from controllers.http.bulk.batch import (
    BATCH_RESPONSES,
    IMPORT_BODY,
    IMPORT_RESPONSES,
    batch_endpoint,
    import_endpoint,
)
from controllers.http.pagination import list_response
from controllers.http.parameters import Context, PathId
from controllers.http.responses import json_response
from schemas.bulk.product_batch_schema import BatchResults
from schemas.bulk.product_import_schema import ImportResult
from schemas.product_schema import (
    LowStockQuery,
    ProductCreate,
    ProductFilters,
    ProductRating,
    ProductSchema,
    ProductUpdate,
)
from services.category_service import CategoryService
from services.product_service import ProductService


class ProductController(BaseController[ProductCreate, ProductUpdate, ProductSchema]):
    """Products, with their price and stock."""

    prefix = "/products"
    service = ProductService
    filters = ProductFilters
    parents = (Parent("/categories", "category_id", CategoryService),)
    access = Access(read=PUBLIC)

    def add_routes(self) -> None:
        products = ProductService(self.app_context)

        async def rating(request: Request, context: Context, id_key: PathId) -> Response:
            """Return the average rating of the product's reviews."""
            return await json_response(request, await products.rating(context, id_key))

        async def low_stock(request: Request, context: Context, query: Annotated[LowStockQuery, Query()]) -> Response:
            """List the products to reorder, lowest stock first. They are never read from the cache."""
            return await list_response(request, context, products, products.with_threshold(query), products.page)

        for action, is_archived in (("archive", True), ("unarchive", False)):
            change = partial(products.set_archived, is_archived=is_archived)
            self.add_action(f"/products/{{id_key}}/{action}", change, f"{action.capitalize()} a product", ProductSchema)
        self.add_route(
            *(ADMINS, "POST", "/products/batch", batch_endpoint(self), "Create and change many products", BatchResults),
            *(409, 413),
            status_code=200,
            responses=BATCH_RESPONSES,
        )
        self.add_route(
            *(ADMINS, "POST", "/products/import", import_endpoint(self), "Import products", ImportResult),
            413,
            status_code=200,
            responses=IMPORT_RESPONSES,
            openapi_extra=IMPORT_BODY,
        )
        self.add_read("/products/{id_key}/rating", rating, "Get the rating of a product", ProductRating, 404)
        self.add_read("/products/low_stock", low_stock, "List products low in stock", list[ProductSchema])
