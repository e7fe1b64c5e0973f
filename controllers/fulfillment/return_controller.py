"""Returns over HTTP: clients request them for their own orders, admins decide."""

from controllers.base_controller_impl import BaseController, Parent
from controllers.http.access import CLIENTS, Access
from schemas.base_schema import NothingToWrite
from schemas.fulfillment.return_schema import ReturnCreate, ReturnFilters, ReturnReceipt, ReturnSchema
from services.fulfillment.return_refund_service import ReturnRefundService
from services.fulfillment.return_service import ReturnService
from services.order_service import OrderService


class ReturnController(BaseController[NothingToWrite, NothingToWrite, ReturnSchema]):
    """Returns of delivered units, and their refunds."""

    prefix = "/returns"
    service = ReturnService
    filters = ReturnFilters
    access = Access(read=CLIENTS)

    def register(self) -> None:
        returns, one, of_order = ReturnService(self.app_context), self.object_path, f"/orders/{{id_key}}{self.prefix}"
        self.add_list(self.prefix, self.list_all, "List returns", ReturnSchema)
        listed = self.list_of(Parent("/orders", "order_id", OrderService))
        self.add_list(of_order, listed, "List returns of an order", ReturnSchema, 404)
        self.add_post(of_order, ReturnCreate, returns.request, "Return an order", ReturnSchema, CLIENTS)
        self.add_read(one, self.get_one, "Get a return", ReturnSchema, 404)
        self.add_action(f"{one}/approve", returns.approve, "Approve a return", ReturnSchema)
        self.add_action(f"{one}/reject", returns.reject, "Reject a return", ReturnSchema)
        self.add_action(f"{one}/receive", returns.receive, "Receive a return", ReturnSchema, ReturnReceipt)
        refund = ReturnRefundService(self.app_context).refund
        self.add_action(f"{one}/refund", refund, "Refund a return", ReturnSchema)
