"""Litestar with advanced-alchemy: services over repositories, msgspec structs, asyncpg."""

import os
from typing import Annotated

from advanced_alchemy.extensions.litestar import (
    AsyncSessionConfig,
    EngineConfig,
    SQLAlchemyAsyncConfig,
    SQLAlchemyPlugin,
    base,
    filters,
    providers,
    repository,
    service,
)
from litestar import Controller, Litestar, get, post
from msgspec import Meta, Struct
from sqlalchemy import Numeric, String
from sqlalchemy.orm import Mapped, mapped_column


class ProductModel(base.DefaultBase):
    __tablename__ = "products"
    id_key: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    price: Mapped[float] = mapped_column(Numeric(12, 2, asdecimal=False))
    stock: Mapped[int]
    category_id: Mapped[int]


class ClientModel(base.DefaultBase):
    __tablename__ = "clients"
    id_key: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    lastname: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(254), unique=True)
    telephone: Mapped[str | None] = mapped_column(String(21))


class Product(Struct):
    id_key: int
    name: str
    price: float
    stock: int
    category_id: int


class ClientCreate(Struct):
    name: str
    lastname: str
    email: Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
    telephone: str | None = None


class Client(Struct):
    id_key: int
    name: str
    lastname: str
    email: str
    telephone: str | None


class ProductService(service.SQLAlchemyAsyncRepositoryService[ProductModel]):
    class Repo(repository.SQLAlchemyAsyncRepository[ProductModel]):
        model_type = ProductModel
        id_attribute = "id_key"

    repository_type = Repo


class ClientService(service.SQLAlchemyAsyncRepositoryService[ClientModel]):
    class Repo(repository.SQLAlchemyAsyncRepository[ClientModel]):
        model_type = ClientModel
        id_attribute = "id_key"

    repository_type = Repo


class ProductController(Controller):
    path = "/products"
    dependencies = providers.create_service_dependencies(ProductService, "products")

    @get()
    async def page(self, products: ProductService, skip: int = 0, limit: int = 100) -> list[Product]:
        found = await products.get_many(filters.LimitOffset(limit, skip), order_by=("id_key", False))
        return list(products.to_schema(found, schema_type=Product).items)

    @get("/{id_key:int}")
    async def one(self, products: ProductService, id_key: int) -> Product:
        return products.to_schema(await products.get(id_key), schema_type=Product)


class ClientController(Controller):
    path = "/clients"
    dependencies = providers.create_service_dependencies(ClientService, "clients")

    @get()
    async def page(self, clients: ClientService, skip: int = 0, limit: int = 100) -> list[Client]:
        found = await clients.get_many(filters.LimitOffset(limit, skip), order_by=("id_key", False))
        return list(clients.to_schema(found, schema_type=Client).items)

    @post()
    async def create(self, clients: ClientService, data: ClientCreate) -> Client:
        return clients.to_schema(await clients.create(data), schema_type=Client)


app = Litestar(
    [ProductController, ClientController],
    plugins=[
        SQLAlchemyPlugin(
            SQLAlchemyAsyncConfig(
                connection_string=os.environ["BENCH_DATABASE"].replace("postgresql", "postgresql+asyncpg"),
                session_config=AsyncSessionConfig(expire_on_commit=False),
                engine_config=EngineConfig(pool_size=20, max_overflow=20),
                before_send_handler="autocommit",
            )
        )
    ],
)
