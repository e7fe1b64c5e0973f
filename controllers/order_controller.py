"""Orders over HTTP, with checkout and history."""

from starlette.requests import Request
from starlette.responses import Response

from controllers.base_controller_impl import BaseController, Parent
from controllers.http.access import CLIENTS, Access
from controllers.http.parameters import Context, PathId
from controllers.http.responses import json_response
from schemas.address_schema import AddressSchema
from schemas.checkout_schema import CheckoutCreate, CheckoutSchema
from schemas.fulfillment.shipment_schema import TrackedShipment
from schemas.order_schema import OrderCreate, OrderFilters, OrderSchema, OrderStatusChange, OrderUpdate
from schemas.payments.payment_schema import Balance
from services.checkout_service import CheckoutService
from services.client_service import ClientService
from services.order_service import OrderService


class OrderController(BaseController[OrderCreate, OrderUpdate, OrderSchema]):
    """Orders, from the checkout to the delivery."""

    prefix = "/orders"
    service = OrderService
    filters = OrderFilters
    parents = (Parent("/clients", "client_id", ClientService),)
    access = Access(read=CLIENTS, change=CLIENTS)

    def add_routes(self) -> None:
        orders, checkout = OrderService(self.app_context), CheckoutService(self.app_context).checkout

        async def history(request: Request, context: Context, id_key: PathId) -> Response:
            """Return the order's status changes, oldest first, including its creation."""
            return await json_response(request, await orders.history(context, id_key))

        async def shipping_address(request: Request, context: Context, id_key: PathId) -> Response:
            """Return the address that the order was placed with, as it was then."""
            return await json_response(request, await orders.shipping_address(context, id_key))

        async def tracking(request: Request, context: Context, id_key: PathId) -> Response:
            """Return the order's shipments with their events."""
            return await json_response(request, await orders.tracking(context, id_key))

        async def balance(request: Request, context: Context, id_key: PathId) -> Response:
            """Return what is paid of the order, and what is due."""
            return await json_response(request, await orders.balance(context, id_key))

        self.add_post("/orders/checkout", CheckoutCreate, checkout, "Place a whole order", CheckoutSchema, CLIENTS)
        self.add_read("/orders/{id_key}/history", history, "Get the history of an order", list[OrderStatusChange], 404)
        self.add_read("/orders/{id_key}/balance", balance, "Get the balance of an order", Balance, 404)
        path, summary = "/orders/{id_key}/shipping_address", "Get the shipping address of an order"
        self.add_read(path, shipping_address, summary, AddressSchema, 404)
        self.add_read("/orders/{id_key}/tracking", tracking, "Track an order", list[TrackedShipment], 404)
