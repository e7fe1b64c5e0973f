"""The rules of bills: unique numbers, and totals of checkouts that follow the discount."""

from models.bill import BillModel
from repositories.bill_repository import BillRepository
from repositories.order_repository import OrderRepository
from repositories.transaction import Transaction, Values
from schemas.bill_schema import BillCreate, BillSchema, BillUpdate
from services.base_service_impl import BaseService
from services.context.request_context import RequestContext
from services.exceptions import ConflictError
from services.rules.order_rules import check_open, check_unpaid, net_total


class BillService(BaseService[BillModel, BillCreate, BillUpdate, BillSchema]):
    repository = BillRepository
    schema = BillSchema
    unique_messages = {"uq_bills_bill_number": "Bill number already exists"}

    def lock_first(self, tx: Transaction, context: RequestContext, id_key: int, values: Values) -> None:
        """Lock the order of a checkout before its bill, as every change of totals does."""
        OrderRepository(tx).lock_checkout(id_key, context.principal.client_id)

    def before_update(self, tx: Transaction, context: RequestContext, instance: BillModel, values: Values) -> Values:
        discount, total = values.get("discount", instance.discount), values.get("total", instance.total)
        if (discount, total) == (instance.discount, instance.total):
            return values
        order = OrderRepository(tx).lock_checkout(instance.id_key)
        if order is None:
            if total != instance.total and instance.payments_total:
                raise ConflictError(f"Bill {instance.id_key} has payments: its total can no longer change")
            return values
        check_open(order, "its total")
        check_unpaid(order)
        new_total = net_total(OrderRepository(tx).sums(order).amount, discount)
        if total not in (instance.total, new_total):  # the current one changes nothing, the new one is right
            raise ConflictError(f"The total of bill {instance.id_key} follows from its order and the discount")
        OrderRepository(tx).update(order, {"total": new_total})
        return {**values, "total": new_total}
