"""The rules of the stock ledger: units are received, damaged or counted; the rest records itself."""

from collections.abc import Collection
from functools import partial

from models.stock_movement import StockMovementModel
from repositories.product_repository import ProductRepository
from repositories.stock_movement_repository import StockMovementRepository
from repositories.system.idempotency_repository import StoredResponse
from repositories.transaction import Transaction, Values
from schemas.base_schema import NothingToWrite
from schemas.stock_movement_schema import StockCounted, StockDamaged, StockMovementSchema, StockReceived
from services.base_service_impl import BaseService
from services.context.request_context import RequestContext
from services.exceptions import NotFoundError
from services.product_service import ProductService
from services.rendering import NOTHING_NEW, Created
from services.rules.stock import refuse_shortage
from services.transactions.creation import Creation
from services.transactions.unit_of_work import in_worker_thread

NewMovement = StockReceived | StockDamaged | StockCounted


class StockMovementService(BaseService[StockMovementModel, NothingToWrite, NothingToWrite, StockMovementSchema]):
    repository = StockMovementRepository
    schema = StockMovementSchema

    async def record(
        self, context: RequestContext, product_id: int, new: NewMovement, etags: Collection[str] | None
    ) -> Created | StoredResponse:
        """Move the product's stock and record it, once for all requests with the same idempotency key.

        A count that agrees with the stock records nothing. Raises NotFoundError, RejectedError for a stock below 0, and
        PreconditionFailedError if `etags` are given and none is the product's.
        """
        if etags is not None or isinstance(new, StockCounted):
            return await self.record_under_lock(context, product_id, new, etags)
        values = partial(self.values, product_id, new, new.quantity)
        return await self.create(
            context, Creation(self.repository, self.fields, values, self.created, self.explain_refusal)
        )

    @in_worker_thread
    def record_under_lock(
        self, context: RequestContext, product_id: int, new: NewMovement, etags: Collection[str] | None
    ) -> Created | StoredResponse:
        with self.unit_of_work(context) as tx:
            if tx.replay:
                tx.changes.rows[ProductRepository.model.__tablename__].add(product_id)
                return tx.replay
            product = ProductService(self.app_context).lock(tx, context, product_id, etags)
            quantity = new.stock - product.stock if isinstance(new, StockCounted) else new.quantity
            values, tx.outcome = self.values(product_id, new, quantity), NOTHING_NEW
            if quantity:
                records = StockMovementRepository(tx).insert(values, self.fields)
                if not records:
                    self.explain_refusal(tx, values)
                tx.outcome = self.created(records)
            return tx.outcome

    @staticmethod
    def values(product_id: int, new: NewMovement, quantity: int) -> Values:
        return {"product_id": product_id, "quantity": quantity, "reason": new.reason, "note": new.note}

    def explain_refusal(self, tx: Transaction, values: Values) -> None:
        """Raise the reason why no stock was moved; return if another transaction has removed the reason."""
        product = ProductRepository(tx).find(values["product_id"])
        if product is None:
            raise NotFoundError("Product", values["product_id"])
        if product.stock + values["quantity"] < 0:
            refuse_shortage(product, -values["quantity"])
        tx.session.expire_all()
