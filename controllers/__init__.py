"""HTTP. Add the controller of a new entity to `CONTROLLERS`, and a router of your own to `ROUTERS`."""

from typing import Any

from fastapi import APIRouter

from controllers.address_controller import AddressController
from controllers.base_controller_impl import BaseController
from controllers.bill_controller import BillController
from controllers.category_controller import CategoryController
from controllers.client_controller import ClientController
from controllers.events.event_controller import EventController
from controllers.events.webhook_controller import WebhookDeliveryController, WebhookEndpointController
from controllers.fulfillment.credit_note_controller import CreditNoteController
from controllers.fulfillment.return_controller import ReturnController
from controllers.fulfillment.shipment_controller import ShipmentController
from controllers.order_controller import OrderController
from controllers.order_detail_controller import OrderDetailController
from controllers.payments.payment_controller import PaymentController
from controllers.product_controller import ProductController
from controllers.review_controller import ReviewController
from controllers.stock_movement_controller import StockMovementController
from controllers.system.api_key_controller import ApiKeyController
from controllers.system.audit_controller import AuditController

# The order of the API documentation.
CONTROLLERS: tuple[type[BaseController[Any, Any, Any]], ...] = (
    CategoryController,
    ProductController,
    StockMovementController,
    ReviewController,
    ClientController,
    AddressController,
    OrderController,
    OrderDetailController,
    ShipmentController,
    BillController,
    PaymentController,
    EventController,
    WebhookEndpointController,
    WebhookDeliveryController,
    ReturnController,
    CreditNoteController,
    ApiKeyController,
    AuditController,
)

ROUTERS: tuple[APIRouter, ...] = ()
"""Plain FastAPI routers: `docs/ARCHITECTURE.md`, "Add your own endpoint"."""
