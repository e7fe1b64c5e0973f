"""The rules of returns: nothing is returned or paid back twice, and each step follows the one before."""

from collections.abc import Callable

from models.enums import OrderStatus, ReturnStatus
from models.fulfillment.order_return import ReturnModel
from models.order import OrderModel
from repositories.fulfillment.return_repository import ReturnRepository
from repositories.product_repository import ProductRepository
from repositories.system.idempotency_repository import StoredResponse
from repositories.transaction import Transaction, Values
from schemas.base_schema import NothingToWrite, to_json
from schemas.fulfillment.return_schema import ReturnCreate, ReturnReceipt, ReturnSchema
from services.base_service_impl import BaseService
from services.context.request_context import RequestContext
from services.exceptions import ConflictError
from services.fulfillment.order_lines import units_by_detail
from services.fulfillment.return_amount import return_amount
from services.rendering import ActionResult, Created
from services.rules.order_rules import lock_order
from services.transactions.unit_of_work import in_worker_thread

BEFORE = {
    ReturnStatus.APPROVED: (ReturnStatus.REQUESTED,),
    ReturnStatus.REJECTED: (ReturnStatus.REQUESTED, ReturnStatus.APPROVED),
    ReturnStatus.RECEIVED: (ReturnStatus.APPROVED,),
    ReturnStatus.REFUNDED: (ReturnStatus.RECEIVED,),
}
"""The statuses that each status may follow."""


class ReturnService(BaseService[ReturnModel, NothingToWrite, NothingToWrite, ReturnSchema]):
    repository = ReturnRepository
    schema = ReturnSchema

    @in_worker_thread
    def request(self, context: RequestContext, order_id: int, new: ReturnCreate) -> Created | StoredResponse:
        """Request a return, once for all requests with the same idempotency key.

        Raises NotFoundError for the order or a detail that it does not have, and ConflictError if it is not delivered
        or has fewer units left.
        """
        with self.unit_of_work(context) as tx:
            if tx.replay:
                return tx.replay
            order = lock_order(tx, order_id, context.principal.client_id)
            if order.status != OrderStatus.DELIVERED:
                raise ConflictError(f"Order {order_id} is {OrderStatus(order.status).name}: only delivered ones return")
            returns = ReturnRepository(tx)
            details = returns.details(order_id)
            units = units_by_detail(new.lines, {detail.id_key: detail.left for detail in details}, "return")
            amount = return_amount(units, details, *returns.amounts(order))
            made = returns.add({"order_id": order_id, "reason": new.reason, "amount": amount}, units)
            tx.outcome = Created(to_json(self.read(made)), made.id_key, order.client_id)
            return tx.outcome

    @in_worker_thread
    def approve(self, context: RequestContext, id_key: int, _: NothingToWrite) -> ActionResult | StoredResponse:
        return self._step(context, id_key, ReturnStatus.APPROVED)

    @in_worker_thread
    def reject(self, context: RequestContext, id_key: int, _: NothingToWrite) -> ActionResult | StoredResponse:
        """Reject a return whose goods have not arrived. Its units can be returned again."""
        return self._step(context, id_key, ReturnStatus.REJECTED)

    @in_worker_thread
    def receive(self, context: RequestContext, id_key: int, receipt: ReturnReceipt) -> ActionResult | StoredResponse:
        """Receive the goods, and put them into stock unless `restock` is false."""

        def restock(tx: Transaction) -> Values:
            if receipt.restock:
                products, changes = ProductRepository(tx), ReturnRepository(tx).stock_changes(id_key)
                products.lock_all(change.product_id for change in changes)
                products.move_stock(changes, is_return=True)
            return {"is_restocked": receipt.restock}

        return self._step(context, id_key, ReturnStatus.RECEIVED, restock)

    def _step(
        self,
        context: RequestContext,
        id_key: int,
        status: ReturnStatus,
        change: Callable[[Transaction], Values] = lambda _: {},
    ) -> ActionResult | StoredResponse:
        """Set the status. `change` does what belongs to it, and returns further values of the return."""
        with self.unit_of_work(context) as tx:
            if tx.replay:
                # The first worker may have died before it dropped the products from the cache.
                changes = ReturnRepository(tx).stock_changes(id_key)
                ProductRepository(tx).record_change(*(change.product_id for change in changes))
                return tx.replay
            order, found = self.lock_for(tx, id_key, status)
            changed = self.repository(tx).update(found, {"status": status, **change(tx)})
            tx.outcome = ActionResult(to_json(self.read(changed)), order.client_id)
            return tx.outcome

    def lock_for(self, tx: Transaction, id_key: int, status: ReturnStatus) -> tuple[OrderModel, ReturnModel]:
        """Lock the order and its return. Raises NotFoundError, or ConflictError if this status may not follow."""
        returns = ReturnRepository(tx)
        found = returns.find(id_key)
        if found is None:
            raise self.not_found(id_key)
        order, locked = lock_order(tx, found.order_id), returns.lock(id_key)
        if locked is None:
            raise self.not_found(id_key)
        if locked.status not in BEFORE[status]:
            raise ConflictError(f"Return {id_key} is {locked.status}: it cannot be {status}")
        return order, locked
