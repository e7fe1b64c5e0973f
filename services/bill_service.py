"""The rules of bills: a number of its own for each, and no discount above the total."""

from sqlalchemy.orm import Session

from models.bill import BillModel
from repositories.base_repository_impl import Values
from repositories.bill_repository import BillRepository
from schemas.bill_schema import BillCreate, BillSchema, BillUpdate
from services.base_service_impl import BaseService
from services.exceptions import InvalidError


class BillService(BaseService[BillModel, BillCreate, BillUpdate, BillSchema]):
    repository = BillRepository
    schema = BillSchema
    unique_messages = {"uq_bills_bill_number": "Bill number already exists"}  # a declaration

    def before_update(self, session: Session, instance: BillModel, values: Values) -> Values:
        discount, total = values.get("discount", instance.discount), values.get("total", instance.total)
        if (discount, total) != (instance.discount, instance.total) and discount > total:
            raise InvalidError("discount must not be above total", "discount")
        return values
