"""Two endpoints of a shop's own, written with plain FastAPI: a report on the stock, and the receipt of a delivery."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import func, select

from controllers.http.dependencies import ADMINS, Db, OpenUnitOfWork, allow
from controllers.http.parameters import PathId
from models.product import ProductModel
from repositories.product_repository import ProductRepository
from schemas.base_schema import BaseSchema, IdKey, Quantity
from schemas.product_schema import ProductSchema
from schemas.types.money import JsonNumber
from services.exceptions import NotFoundError

router = APIRouter(prefix="/stock_report", tags=["stock report"], dependencies=[Depends(allow(ADMINS))])


class CategoryStock(BaseSchema):
    category_id: IdKey
    units: int
    value: Annotated[Decimal, JsonNumber]


class Delivery(BaseSchema):
    quantity: Quantity


@router.get("", summary="Report the stock")
def stock_report(db: Db) -> list[CategoryStock]:
    """Return units and value of the stock of each category."""
    product = ProductModel
    statement = (
        select(product.category_id, func.sum(product.stock), func.sum(product.stock * product.price))
        .group_by(product.category_id)
        .order_by(product.category_id)
    )
    return [CategoryStock(category_id=row[0], units=row[1], value=row[2]) for row in db.execute(statement)]


@router.post("/{id_key}/deliveries", status_code=201, summary="Receive a delivery")
def receive(id_key: PathId, delivery: Delivery, unit_of_work: OpenUnitOfWork) -> ProductSchema:
    """Put the delivered units into the product's stock and return the product."""
    with unit_of_work() as tx:
        products = ProductRepository(tx)
        product = products.lock(id_key)
        if product is None:
            raise NotFoundError("Product", id_key)
        products.update(product, {"stock": product.stock + delivery.quantity})
    return ProductSchema.model_validate(product, from_attributes=True)
