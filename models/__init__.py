"""Database entities. Importing this package registers every table for migrations and scripts."""

from models.address import AddressModel
from models.bill import BillModel
from models.category import CategoryModel
from models.client import ClientModel
from models.events.event import EventModel, QueuedEventModel
from models.events.webhook import WebhookClaimModel, WebhookDeliveryModel, WebhookEndpointModel
from models.fulfillment.credit_note import CreditNoteModel, CreditNoteNumberModel
from models.fulfillment.order_return import ReturnLineModel, ReturnModel
from models.fulfillment.shipment import ShipmentEventModel, ShipmentLineModel, ShipmentModel
from models.fulfillment.shipping_address import ShippingAddressModel
from models.order import OrderHoldModel, OrderModel, OrderStatusChangeModel
from models.order_detail import OrderDetailModel
from models.payments.payment import PaymentModel, PaymentOperationModel
from models.product import ProductModel
from models.review import ReviewModel
from models.stock_movement import StockMovementModel
from models.system.api_key import ApiKeyModel
from models.system.audit_entry import AuditEntryModel, AuditKeyModel, AuditSealModel
from models.system.idempotency import IdempotencyModel
from models.system.primary_server import PrimaryServerModel

__all__ = [
    "AddressModel",
    "ApiKeyModel",
    "AuditEntryModel",
    "AuditKeyModel",
    "AuditSealModel",
    "BillModel",
    "CategoryModel",
    "ClientModel",
    "CreditNoteModel",
    "CreditNoteNumberModel",
    "EventModel",
    "IdempotencyModel",
    "OrderDetailModel",
    "OrderHoldModel",
    "OrderModel",
    "OrderStatusChangeModel",
    "PaymentModel",
    "PaymentOperationModel",
    "PrimaryServerModel",
    "ProductModel",
    "QueuedEventModel",
    "ReturnLineModel",
    "ReturnModel",
    "ReviewModel",
    "ShipmentEventModel",
    "ShipmentLineModel",
    "ShipmentModel",
    "ShippingAddressModel",
    "StockMovementModel",
    "WebhookClaimModel",
    "WebhookDeliveryModel",
    "WebhookEndpointModel",
]
