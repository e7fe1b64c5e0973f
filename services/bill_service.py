"""The rules of bills: unique numbers, and no discount above the total."""

from models.bill import BillModel
from repositories.bill_repository import BillRepository
from repositories.transaction import Transaction, Values
from schemas.bill_schema import BillCreate, BillSchema, BillUpdate
from services.base_service_impl import BaseService
from services.exceptions import InvalidError
from services.request_context import RequestContext


class BillService(BaseService[BillModel, BillCreate, BillUpdate, BillSchema]):
    repository = BillRepository
    schema = BillSchema
    unique_messages = {"uq_bills_bill_number": "Bill number already exists"}

    def before_update(self, tx: Transaction, context: RequestContext, instance: BillModel, values: Values) -> Values:
        discount, total = values.get("discount", instance.discount), values.get("total", instance.total)
        if (discount, total) != (instance.discount, instance.total) and discount > total:
            raise InvalidError("discount must not be above total", "discount")
        return values
