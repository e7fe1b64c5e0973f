"""Bodies of objects, from the rows that events store."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import DateTime, Numeric

from infrastructure.postgres.typecasts import moment_in_utc
from models.address import AddressModel
from models.base_model import BaseModel
from models.bill import BillModel
from models.category import CategoryModel
from models.client import ClientModel
from models.events.event import Body
from models.fulfillment.credit_note import CreditNoteModel
from models.fulfillment.order_return import ReturnModel
from models.fulfillment.shipment import ShipmentModel
from models.order import OrderModel
from models.order_detail import OrderDetailModel
from models.payments.payment import PaymentModel
from models.product import ProductModel
from models.review import ReviewModel
from schemas.address_schema import AddressSchema
from schemas.base_schema import StoredSchema
from schemas.bill_schema import BillSchema
from schemas.category_schema import CategorySchema
from schemas.client_schema import ClientSchema
from schemas.fulfillment.return_schema import CreditNoteSchema, ReturnSchema
from schemas.fulfillment.shipment_schema import ShipmentSchema
from schemas.order_detail_schema import OrderDetailSchema
from schemas.order_schema import OrderSchema
from schemas.payments.payment_schema import PaymentSchema
from schemas.product_schema import ProductSchema
from schemas.review_schema import ReviewSchema
from services.rendering import omit_unset

SCHEMAS: Mapping[type[BaseModel], type[StoredSchema]] = {
    AddressModel: AddressSchema,
    BillModel: BillSchema,
    CategoryModel: CategorySchema,
    ClientModel: ClientSchema,
    CreditNoteModel: CreditNoteSchema,
    OrderDetailModel: OrderDetailSchema,
    OrderModel: OrderSchema,
    PaymentModel: PaymentSchema,
    ProductModel: ProductSchema,
    ReturnModel: ReturnSchema,
    ReviewModel: ReviewSchema,
    ShipmentModel: ShipmentSchema,
}
"""Objects with events. Add a new entity here, and its triggers with `migrations/event_triggers.py`."""

Conversion = Callable[[Any], Any]


def body_of(resource: str, stored: Body) -> Body:
    """Return the body of the object at the path `resource`. Objects without a schema stay as they are stored."""
    table = resource.split("/")[1]
    if (fields := _FIELDS.get(table)) is None:
        return stored
    body = {
        name: value if (value := stored[name]) is None else convert(value)
        for name, convert in fields.items()
        if name in stored
    }
    return omit_unset([body], [name for name in _ONLY_IF_SET[table] if name in body])[0]


def _fields(model: type[BaseModel], schema: type[StoredSchema]) -> dict[str, Conversion]:
    """Return the fields of the body in their order, and how a value in JSON becomes that of the column."""
    columns = model.__table__.columns
    return {name: _conversion(columns[name].type if name in columns else None) for name in schema.model_fields}


def _conversion(column_type: Any) -> Conversion:
    if isinstance(column_type, DateTime):
        return moment_in_utc
    # Float is a Numeric for SQLAlchemy.
    return float if isinstance(column_type, Numeric) else lambda value: value


_FIELDS = {model.__tablename__: _fields(model, schema) for model, schema in SCHEMAS.items()}
_ONLY_IF_SET = {model.__tablename__: schema.only_if_set() for model, schema in SCHEMAS.items()}
