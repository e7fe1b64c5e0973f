"""FastCRUD in FastAPI endpoints, over SQLAlchemy's asynchronous sessions and asyncpg."""

import os
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException
from fastcrud import FastCRUD
from pydantic import BaseModel, EmailStr
from sqlalchemy import Numeric, String
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(
    os.environ["BENCH_DATABASE"].replace("postgresql", "postgresql+asyncpg"), pool_size=20, max_overflow=20
)
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    id_key: Mapped[int] = mapped_column(primary_key=True)


class Product(Base):
    __tablename__ = "products"
    name: Mapped[str] = mapped_column(String(200))
    price: Mapped[float] = mapped_column(Numeric(12, 2, asdecimal=False))
    stock: Mapped[int]
    category_id: Mapped[int]


class Client(Base):
    __tablename__ = "clients"
    name: Mapped[str] = mapped_column(String(100))
    lastname: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(254), unique=True)
    telephone: Mapped[str | None] = mapped_column(String(21))


class ProductRead(BaseModel):
    id_key: int
    name: str
    price: float
    stock: int
    category_id: int


class ClientCreate(BaseModel):
    name: str
    lastname: str
    email: EmailStr
    telephone: str | None = None


class ClientRead(ClientCreate):
    id_key: int


async def get_session() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


SessionDep = Annotated[AsyncSession, Depends(get_session)]
products_crud, clients_crud = FastCRUD(Product), FastCRUD(Client)
app = FastAPI()


@app.get("/products", response_model=list[ProductRead])
async def products(session: SessionDep, skip: int = 0, limit: int = 100) -> Any:
    return await page(products_crud, ProductRead, session, skip, limit)


@app.get("/products/{id_key}", response_model=ProductRead)
async def product(session: SessionDep, id_key: int) -> Any:
    found = await products_crud.get(session, schema_to_select=ProductRead, id_key=id_key)
    if found is None:
        raise HTTPException(404)
    return found


@app.get("/clients", response_model=list[ClientRead])
async def clients(session: SessionDep, skip: int = 0, limit: int = 100) -> Any:
    return await page(clients_crud, ClientRead, session, skip, limit)


@app.post("/clients", response_model=ClientRead, status_code=201)
async def create_client(session: SessionDep, new: ClientCreate) -> Any:
    try:
        return await clients_crud.create(session, new, schema_to_select=ClientRead)
    except IntegrityError as error:
        raise HTTPException(409, "Email already registered") from error


async def page(crud: Any, schema: type[BaseModel], session: AsyncSession, skip: int, limit: int) -> Any:
    """Return a page without counting the rows, like the other peers."""
    found = await crud.get_multi(
        session,
        offset=skip,
        limit=limit,
        schema_to_select=schema,
        sort_columns="id_key",
        return_total_count=False,
    )
    return found["data"]
