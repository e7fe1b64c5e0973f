"""Schemas of products."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.base_schema import INT64, MAX_INTEGER, BaseSchema, IdKey, Stock, StoredSchema, absent, example, only_if_set
from schemas.list_query import ArchivableQuery, IdFilter, MoneyFilter, Words, where
from schemas.types.money import Price
from schemas.types.text import VISIBLE, TextRule

ProductName = Annotated[str, TextRule(200), Field(examples=["Laptop"])]
MAX_SKU = 64
SkuText = Annotated[str, TextRule(MAX_SKU, pattern=VISIBLE)]
Sku = Annotated[SkuText, Field(examples=["LAP-0001"])]


class ProductCreate(BaseSchema):
    name: ProductName
    price: Price
    stock: Stock = 0
    category_id: IdKey
    sku: Sku | None = only_if_set(None, "Stock keeping unit: the shop's own number of the product, unique.")


class ProductUpdate(BaseSchema):
    model_config = example(price=899.99, stock=12)

    name: ProductName = absent()
    price: Price = absent()
    stock: Stock = absent()
    category_id: IdKey = absent()
    sku: Sku | None = absent()


class ProductSchema(ProductCreate, StoredSchema):
    """Stored product. Restored units may lift the stock above the bound for input."""

    stock: Annotated[int, Field(ge=0, examples=[10], json_schema_extra=INT64)]
    archived: bool = only_if_set(False, "Only in archived products, which cannot be bought.")


class ProductFilters(ArchivableQuery):
    category_id: Annotated[IdFilter | None, where("category_id")] = None
    min_price: Annotated[MoneyFilter | None, where("price", operator=">=")] = None
    max_price: Annotated[MoneyFilter | None, where("price", operator="<=")] = None
    in_stock: Annotated[bool | None, where("stock", operator="positive")] = None
    sku: Annotated[SkuText | None, where("sku")] = None
    q: Annotated[Words | None, where("search_text", operator="words")] = None
    sort: Literal["id_key", "-id_key", "name", "-name", "price", "-price", "stock", "-stock"] = "id_key"


class ProductRating(BaseSchema):
    product_id: IdKey
    average_rating: float | None = Field(description="Null when nobody has reviewed the product.", examples=[4.5])
    review_count: int


class LowStockQuery(ArchivableQuery):
    threshold: Annotated[
        int | None,
        Field(ge=0, le=MAX_INTEGER, description="Default: `LOW_STOCK_THRESHOLD`."),
        where("stock", operator="<="),
    ] = None
    sort: Literal["stock"] = "stock"
    after_id: None = None  # key paging needs the order by id_key
