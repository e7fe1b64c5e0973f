"""Database entities. Importing this package registers every table for migrations and scripts."""

from models.address import AddressModel
from models.api_key import ApiKeyModel
from models.audit_entry import AuditEntryModel, AuditKeyModel, AuditSealModel
from models.bill import BillModel
from models.category import CategoryModel
from models.client import ClientModel
from models.credit_note import CreditNoteModel, CreditNoteNumberModel
from models.event import EventModel, QueuedEventModel
from models.idempotency import IdempotencyModel
from models.order import OrderHoldModel, OrderModel, OrderStatusChangeModel
from models.order_detail import OrderDetailModel
from models.order_return import ReturnLineModel, ReturnModel
from models.payment import PaymentModel, PaymentOperationModel
from models.primary_server import PrimaryServerModel
from models.product import ProductModel
from models.review import ReviewModel
from models.shipment import ShipmentEventModel, ShipmentLineModel, ShipmentModel
from models.shipping_address import ShippingAddressModel
from models.stock_movement import StockMovementModel
from models.webhook import WebhookClaimModel, WebhookDeliveryModel, WebhookEndpointModel

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
