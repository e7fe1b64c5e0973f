"""HTTP. Add the controller of a new entity to `CONTROLLERS`, and a router of your own to `ROUTERS`."""

from typing import Any

from fastapi import APIRouter

from controllers.address_controller import AddressController
from controllers.api_key_controller import ApiKeyController
from controllers.audit_controller import AuditController
from controllers.base_controller_impl import BaseController
from controllers.bill_controller import BillController
from controllers.category_controller import CategoryController
from controllers.client_controller import ClientController
from controllers.credit_note_controller import CreditNoteController
from controllers.event_controller import EventController
from controllers.order_controller import OrderController
from controllers.order_detail_controller import OrderDetailController
from controllers.payment_controller import PaymentController
from controllers.product_controller import ProductController
from controllers.return_controller import ReturnController
from controllers.review_controller import ReviewController
from controllers.shipment_controller import ShipmentController
from controllers.stock_movement_controller import StockMovementController
from controllers.webhook_controller import WebhookDeliveryController, WebhookEndpointController

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
