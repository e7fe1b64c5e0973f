"""Order details in the most common style: the ORM locks, reads, checks and writes back the product's row."""

import os
from collections.abc import Iterator
from typing import Any

from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

from models.enums import OrderStatus
from models.order import OrderModel
from models.order_detail import OrderDetailModel
from models.product import ProductModel
from schemas.order_detail_schema import OrderDetailCreate, OrderDetailSchema

engine = create_engine(
    os.environ["BENCH_DATABASE"].replace("postgresql", "postgresql+psycopg2"), pool_size=50, max_overflow=100
)
SessionLocal = sessionmaker(engine)
app = FastAPI()


def get_db() -> Iterator[Session]:
    with SessionLocal() as session:
        yield session


@app.get("/products")
def ready() -> list[int]:
    return []


@app.post("/order_details", response_model=OrderDetailSchema, status_code=201)
def create(new: OrderDetailCreate, db: Session = Depends(get_db)) -> Any:
    order = db.get(OrderModel, new.order_id)
    if order is None:
        raise HTTPException(404, "no such order")
    if not OrderStatus(order.status).is_open:
        raise HTTPException(409, "the order is closed")
    product = db.get(ProductModel, new.product_id, with_for_update=True)
    if product is None:
        raise HTTPException(404, "no such product")
    if new.price is not None and new.price != product.price:
        raise HTTPException(400, "price mismatch")
    if product.stock < new.quantity:
        raise HTTPException(400, "insufficient stock")
    product.stock -= new.quantity
    detail = OrderDetailModel(**{**new.model_dump(), "price": product.price})
    db.add(detail)
    db.commit()
    db.refresh(detail)
    return detail
