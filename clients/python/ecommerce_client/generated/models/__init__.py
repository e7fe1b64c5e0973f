"""Contains all the data models used in inputs/outputs"""

from .address_create import AddressCreate
from .address_schema import AddressSchema
from .address_update import AddressUpdate
from .addresses_export_all_format import AddressesExportAllFormat
from .addresses_export_all_sort import AddressesExportAllSort
from .addresses_list_sort import AddressesListSort
from .api_key_create import ApiKeyCreate
from .api_key_create_role import ApiKeyCreateRole
from .api_key_rotation import ApiKeyRotation
from .api_key_schema import ApiKeySchema
from .api_key_schema_role import ApiKeySchemaRole
from .api_keys_list_role import ApiKeysListRole
from .api_keys_list_sort import ApiKeysListSort
from .audit_entry_schema import AuditEntrySchema
from .audit_entry_schema_method import AuditEntrySchemaMethod
from .audit_list_method import AuditListMethod
from .audit_list_sort import AuditListSort
from .balance import Balance
from .batch_item_result import BatchItemResult
from .batch_refusal import BatchRefusal
from .batch_results import BatchResults
from .bill_create import BillCreate
from .bill_schema import BillSchema
from .bill_update import BillUpdate
from .bills_export_all_format import BillsExportAllFormat
from .bills_export_all_sort import BillsExportAllSort
from .bills_list_sort import BillsListSort
from .cache_health import CacheHealth
from .categories_export_all_format import CategoriesExportAllFormat
from .categories_export_all_sort import CategoriesExportAllSort
from .categories_list_sort import CategoriesListSort
from .categories_products_list_sort import CategoriesProductsListSort
from .category_create import CategoryCreate
from .category_schema import CategorySchema
from .category_update import CategoryUpdate
from .checkout_create import CheckoutCreate
from .checkout_item import CheckoutItem
from .checkout_schema import CheckoutSchema
from .checks import Checks
from .client_create import ClientCreate
from .client_export import ClientExport
from .client_schema import ClientSchema
from .client_summary import ClientSummary
from .client_summary_with_payments import ClientSummaryWithPayments
from .client_update import ClientUpdate
from .clients_addresses_list_sort import ClientsAddressesListSort
from .clients_export_all_format import ClientsExportAllFormat
from .clients_export_all_sort import ClientsExportAllSort
from .clients_list_sort import ClientsListSort
from .clients_orders_list_sort import ClientsOrdersListSort
from .credit_note_schema import CreditNoteSchema
from .credit_notes_list_sort import CreditNotesListSort
from .database_health import DatabaseHealth
from .database_health_status import DatabaseHealthStatus
from .delivery_method import DeliveryMethod
from .error_body import ErrorBody
from .event_schema import EventSchema
from .event_schema_data import EventSchemaData
from .events_list_sort import EventsListSort
from .exported_address import ExportedAddress
from .exported_api_key import ExportedApiKey
from .exported_audit_entry import ExportedAuditEntry
from .exported_bill import ExportedBill
from .exported_client import ExportedClient
from .exported_credit_note import ExportedCreditNote
from .exported_order import ExportedOrder
from .exported_order_detail import ExportedOrderDetail
from .exported_payment import ExportedPayment
from .exported_return import ExportedReturn
from .exported_review import ExportedReview
from .exported_shipment import ExportedShipment
from .exported_shipping_address import ExportedShippingAddress
from .field_error import FieldError
from .health_schema import HealthSchema
from .health_schema_status import HealthSchemaStatus
from .import_errors import ImportErrors
from .import_line_error import ImportLineError
from .import_result import ImportResult
from .new_api_key_schema import NewApiKeySchema
from .new_api_key_schema_role import NewApiKeySchemaRole
from .new_webhook_endpoint_schema import NewWebhookEndpointSchema
from .not_found_body import NotFoundBody
from .nothing_to_write import NothingToWrite
from .order_create import OrderCreate
from .order_detail_create import OrderDetailCreate
from .order_detail_schema import OrderDetailSchema
from .order_detail_update import OrderDetailUpdate
from .order_details_export_all_format import OrderDetailsExportAllFormat
from .order_details_export_all_sort import OrderDetailsExportAllSort
from .order_details_list_sort import OrderDetailsListSort
from .order_line import OrderLine
from .order_schema import OrderSchema
from .order_status import OrderStatus
from .order_status_change import OrderStatusChange
from .order_update import OrderUpdate
from .orders_export_all_format import OrdersExportAllFormat
from .orders_export_all_sort import OrdersExportAllSort
from .orders_list_sort import OrdersListSort
from .orders_order_details_list_sort import OrdersOrderDetailsListSort
from .orders_payments_list_sort import OrdersPaymentsListSort
from .orders_returns_list_sort import OrdersReturnsListSort
from .payment_amount import PaymentAmount
from .payment_create import PaymentCreate
from .payment_create_provider_type_0 import PaymentCreateProviderType0
from .payment_schema import PaymentSchema
from .payment_status import PaymentStatus
from .payment_type import PaymentType
from .payments_list_sort import PaymentsListSort
from .pool_health import PoolHealth
from .probe_schema import ProbeSchema
from .product_batch import ProductBatch
from .product_create import ProductCreate
from .product_rating import ProductRating
from .product_schema import ProductSchema
from .product_update import ProductUpdate
from .products_export_all_format import ProductsExportAllFormat
from .products_export_all_sort import ProductsExportAllSort
from .products_import_format import ProductsImportFormat
from .products_list_sort import ProductsListSort
from .products_reviews_list_sort import ProductsReviewsListSort
from .products_stock_movements_list_sort import ProductsStockMovementsListSort
from .rate_limit_body import RateLimitBody
from .redis_health import RedisHealth
from .redis_health_status import RedisHealthStatus
from .refusal_body import RefusalBody
from .return_create import ReturnCreate
from .return_receipt import ReturnReceipt
from .return_schema import ReturnSchema
from .return_status import ReturnStatus
from .returns_list_sort import ReturnsListSort
from .review_create import ReviewCreate
from .review_schema import ReviewSchema
from .review_update import ReviewUpdate
from .reviews_export_all_format import ReviewsExportAllFormat
from .reviews_export_all_sort import ReviewsExportAllSort
from .reviews_list_sort import ReviewsListSort
from .shipment_create import ShipmentCreate
from .shipment_event_create import ShipmentEventCreate
from .shipment_event_create_status import ShipmentEventCreateStatus
from .shipment_event_schema import ShipmentEventSchema
from .shipment_event_schema_status import ShipmentEventSchemaStatus
from .shipment_schema import ShipmentSchema
from .shipment_status import ShipmentStatus
from .shipments_list_sort import ShipmentsListSort
from .short_product import ShortProduct
from .started_payment_schema import StartedPaymentSchema
from .stock_counted import StockCounted
from .stock_damaged import StockDamaged
from .stock_movement_schema import StockMovementSchema
from .stock_movements_list_sort import StockMovementsListSort
from .stock_reason import StockReason
from .stock_received import StockReceived
from .tracked_shipment import TrackedShipment
from .validation_errors import ValidationErrors
from .webhook_delivery_schema import WebhookDeliverySchema
from .webhook_delivery_schema_status import WebhookDeliverySchemaStatus
from .webhook_endpoint_create import WebhookEndpointCreate
from .webhook_endpoint_schema import WebhookEndpointSchema
from .webhook_endpoint_update import WebhookEndpointUpdate
from .webhook_endpoints_deliveries_sort import WebhookEndpointsDeliveriesSort
from .webhook_endpoints_deliveries_status import WebhookEndpointsDeliveriesStatus
from .webhook_endpoints_list_sort import WebhookEndpointsListSort

__all__ = (
    "AddressCreate",
    "AddressSchema",
    "AddressUpdate",
    "AddressesExportAllFormat",
    "AddressesExportAllSort",
    "AddressesListSort",
    "ApiKeyCreate",
    "ApiKeyCreateRole",
    "ApiKeyRotation",
    "ApiKeySchema",
    "ApiKeySchemaRole",
    "ApiKeysListRole",
    "ApiKeysListSort",
    "AuditEntrySchema",
    "AuditEntrySchemaMethod",
    "AuditListMethod",
    "AuditListSort",
    "Balance",
    "BatchItemResult",
    "BatchRefusal",
    "BatchResults",
    "BillCreate",
    "BillSchema",
    "BillUpdate",
    "BillsExportAllFormat",
    "BillsExportAllSort",
    "BillsListSort",
    "CacheHealth",
    "CategoriesExportAllFormat",
    "CategoriesExportAllSort",
    "CategoriesListSort",
    "CategoriesProductsListSort",
    "CategoryCreate",
    "CategorySchema",
    "CategoryUpdate",
    "CheckoutCreate",
    "CheckoutItem",
    "CheckoutSchema",
    "Checks",
    "ClientCreate",
    "ClientExport",
    "ClientSchema",
    "ClientSummary",
    "ClientSummaryWithPayments",
    "ClientUpdate",
    "ClientsAddressesListSort",
    "ClientsExportAllFormat",
    "ClientsExportAllSort",
    "ClientsListSort",
    "ClientsOrdersListSort",
    "CreditNoteSchema",
    "CreditNotesListSort",
    "DatabaseHealth",
    "DatabaseHealthStatus",
    "DeliveryMethod",
    "ErrorBody",
    "EventSchema",
    "EventSchemaData",
    "EventsListSort",
    "ExportedAddress",
    "ExportedApiKey",
    "ExportedAuditEntry",
    "ExportedBill",
    "ExportedClient",
    "ExportedCreditNote",
    "ExportedOrder",
    "ExportedOrderDetail",
    "ExportedPayment",
    "ExportedReturn",
    "ExportedReview",
    "ExportedShipment",
    "ExportedShippingAddress",
    "FieldError",
    "HealthSchema",
    "HealthSchemaStatus",
    "ImportErrors",
    "ImportLineError",
    "ImportResult",
    "NewApiKeySchema",
    "NewApiKeySchemaRole",
    "NewWebhookEndpointSchema",
    "NotFoundBody",
    "NothingToWrite",
    "OrderCreate",
    "OrderDetailCreate",
    "OrderDetailSchema",
    "OrderDetailUpdate",
    "OrderDetailsExportAllFormat",
    "OrderDetailsExportAllSort",
    "OrderDetailsListSort",
    "OrderLine",
    "OrderSchema",
    "OrderStatus",
    "OrderStatusChange",
    "OrderUpdate",
    "OrdersExportAllFormat",
    "OrdersExportAllSort",
    "OrdersListSort",
    "OrdersOrderDetailsListSort",
    "OrdersPaymentsListSort",
    "OrdersReturnsListSort",
    "PaymentAmount",
    "PaymentCreate",
    "PaymentCreateProviderType0",
    "PaymentSchema",
    "PaymentStatus",
    "PaymentType",
    "PaymentsListSort",
    "PoolHealth",
    "ProbeSchema",
    "ProductBatch",
    "ProductCreate",
    "ProductRating",
    "ProductSchema",
    "ProductUpdate",
    "ProductsExportAllFormat",
    "ProductsExportAllSort",
    "ProductsImportFormat",
    "ProductsListSort",
    "ProductsReviewsListSort",
    "ProductsStockMovementsListSort",
    "RateLimitBody",
    "RedisHealth",
    "RedisHealthStatus",
    "RefusalBody",
    "ReturnCreate",
    "ReturnReceipt",
    "ReturnSchema",
    "ReturnStatus",
    "ReturnsListSort",
    "ReviewCreate",
    "ReviewSchema",
    "ReviewUpdate",
    "ReviewsExportAllFormat",
    "ReviewsExportAllSort",
    "ReviewsListSort",
    "ShipmentCreate",
    "ShipmentEventCreate",
    "ShipmentEventCreateStatus",
    "ShipmentEventSchema",
    "ShipmentEventSchemaStatus",
    "ShipmentSchema",
    "ShipmentStatus",
    "ShipmentsListSort",
    "ShortProduct",
    "StartedPaymentSchema",
    "StockCounted",
    "StockDamaged",
    "StockMovementSchema",
    "StockMovementsListSort",
    "StockReason",
    "StockReceived",
    "TrackedShipment",
    "ValidationErrors",
    "WebhookDeliverySchema",
    "WebhookDeliverySchemaStatus",
    "WebhookEndpointCreate",
    "WebhookEndpointSchema",
    "WebhookEndpointUpdate",
    "WebhookEndpointsDeliveriesSort",
    "WebhookEndpointsDeliveriesStatus",
    "WebhookEndpointsListSort",
)
