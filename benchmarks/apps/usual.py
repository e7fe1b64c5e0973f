"""The style of most projects: synchronous calls in `async def`, a session as a dependency, cached JSON text that is
decoded and validated twice, and with RATE_LIMIT a `BaseHTTPMiddleware` that counts in Redis."""

import json
import os
from collections.abc import Iterator
from typing import Any

import redis
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, EmailStr
from sqlalchemy import create_engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker
from starlette.middleware.base import BaseHTTPMiddleware

from models.client import ClientModel
from models.product import ProductModel

RATE_LIMIT = int(os.environ.get("RATE_LIMIT", "0"))
PERIOD_SECONDS = 60
TTL_SECONDS = 300

engine = create_engine(
    os.environ["BENCH_DATABASE"].replace("postgresql", "postgresql+psycopg2"),
    pool_size=50,
    max_overflow=100,
    pool_pre_ping=True,
)
SessionLocal = sessionmaker(engine)
cache = redis.Redis.from_url(os.environ["BENCH_REDIS"], decode_responses=True)


class ClientCreate(BaseModel):
    name: str
    lastname: str
    email: EmailStr
    telephone: str | None = None


class ClientSchema(ClientCreate):
    model_config = ConfigDict(from_attributes=True)
    id_key: int


class ProductSchema(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id_key: int
    name: str
    price: float
    stock: int
    category_id: int


class RateLimiter(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: Any) -> Any:
        key = f"rate_limit:{request.client.host if request.client else ''}"
        pipeline = cache.pipeline()
        pipeline.incr(key)
        pipeline.expire(key, PERIOD_SECONDS, nx=True)
        count = pipeline.execute()[0]
        if count > RATE_LIMIT:
            return JSONResponse({"detail": "Rate limit exceeded"}, 429)
        response = await call_next(request)
        response.headers["X-RateLimit-Limit"] = str(RATE_LIMIT)
        response.headers["X-RateLimit-Remaining"] = str(RATE_LIMIT - count)
        return response


app = FastAPI()
if RATE_LIMIT:
    app.add_middleware(RateLimiter)


def get_db() -> Iterator[Session]:
    session = SessionLocal()
    try:
        yield session
    finally:
        session.close()


@app.get("/products", response_model=list[ProductSchema])
async def products(skip: int = Query(0, ge=0), limit: int = Query(100, ge=1), db: Session = Depends(get_db)) -> Any:
    key = f"products:list:skip:{skip}:limit:{limit}"
    if cached := cache.get(key):
        return [ProductSchema(**item) for item in json.loads(cached)]
    rows = db.query(ProductModel).order_by(ProductModel.id_key).offset(skip).limit(limit).all()
    found = [ProductSchema.model_validate(row) for row in rows]
    cache.setex(key, TTL_SECONDS, json.dumps([item.model_dump() for item in found]))
    return found


@app.get("/products/{id_key}", response_model=ProductSchema)
async def product(id_key: int, db: Session = Depends(get_db)) -> Any:
    key = f"products:id:{id_key}"
    if cached := cache.get(key):
        return ProductSchema(**json.loads(cached))
    row = db.get(ProductModel, id_key)
    if row is None:
        raise HTTPException(404)
    found = ProductSchema.model_validate(row)
    cache.setex(key, TTL_SECONDS, json.dumps(found.model_dump()))
    return found


@app.get("/clients", response_model=list[ClientSchema])
async def clients(skip: int = Query(0, ge=0), limit: int = Query(100, ge=1), db: Session = Depends(get_db)) -> Any:
    rows = db.query(ClientModel).order_by(ClientModel.id_key).offset(skip).limit(limit).all()
    return [ClientSchema.model_validate(row) for row in rows]


@app.post("/clients", response_model=ClientSchema, status_code=201)
async def create_client(new: ClientCreate, db: Session = Depends(get_db)) -> Any:
    row = ClientModel(**new.model_dump())
    db.add(row)
    try:
        db.commit()
    except IntegrityError as error:
        db.rollback()
        raise HTTPException(409, "Email already registered") from error
    db.refresh(row)
    return ClientSchema.model_validate(row)
