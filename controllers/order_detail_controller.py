"""Order details over HTTP."""

from controllers.base_controller_impl import BaseController, Parent
from controllers.http.access import CLIENTS, Access
from schemas.order_detail_schema import OrderDetailCreate, OrderDetailFilters, OrderDetailSchema, OrderDetailUpdate
from services.order_detail_service import OrderDetailService
from services.order_service import OrderService


class OrderDetailController(BaseController[OrderDetailCreate, OrderDetailUpdate, OrderDetailSchema]):
    """The lines of orders. They take and return stock."""

    prefix = "/order_details"
    service = OrderDetailService
    filters = OrderDetailFilters
    parents = (Parent("/orders", "order_id", OrderService),)
    access = Access(read=CLIENTS)
    delete_errors = (400, *BaseController.delete_errors)  # the discount would be above the sum
