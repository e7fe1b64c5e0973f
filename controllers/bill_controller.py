"""Bills over HTTP."""

from controllers.base_controller_impl import BaseController
from controllers.http.access import CLIENTS, Access
from schemas.bill_schema import BillCreate, BillFilters, BillSchema, BillUpdate
from services.bill_service import BillService


class BillController(BaseController[BillCreate, BillUpdate, BillSchema]):
    """Bills: one for the orders that are paid together."""

    prefix = "/bills"
    service = BillService
    filters = BillFilters
    access = Access(read=CLIENTS)
