"""The stock ledger over HTTP: for admins."""

from typing import Annotated

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from controllers.base_controller_impl import BaseController, IfMatch, Parent
from controllers.http.idempotency import IdempotencyKey
from controllers.http.parameters import Context, PathId
from schemas.base_schema import NothingToWrite
from schemas.stock_movement_schema import StockMovementCreate, StockMovementFilters, StockMovementSchema
from services.product_service import ProductService
from services.stock_movement_service import StockMovementService


class StockMovementController(BaseController[NothingToWrite, NothingToWrite, StockMovementSchema]):
    """The stock ledger: every change of stock, with its reason."""

    prefix = "/stock_movements"
    service = StockMovementService
    filters = StockMovementFilters

    def register(self) -> None:
        path, use_cases = f"/products/{{id_key}}{self.prefix}", StockMovementService(self.app_context)

        async def record(
            request: Request,
            context: Context,
            id_key: PathId,
            new: Annotated[StockMovementCreate, Body()],
            key: IdempotencyKey = None,
            etags: IfMatch = None,
        ) -> Response:
            """Receive, write off or count units. A count that agrees with the stock is a 204: nothing is recorded."""
            return await self.create_once(
                request, context, new, key, lambda within, body: use_cases.record(within, id_key, body, etags)
            )

        self.add_list(self.prefix, self.list_all, "List stock movements", StockMovementSchema)
        of_product = self.list_of(Parent("/products", "product_id", ProductService))
        self.add_list(path, of_product, "List stock movements of a product", StockMovementSchema, 404)
        summary, errors = "Move the stock of a product", (204, 400, 404, 409, 412, 413)
        self.add_route(self.access.create, "POST", path, record, summary, StockMovementSchema, *errors)
        self.add_read(self.object_path, self.get_one, "Get a stock movement", StockMovementSchema, 404)
