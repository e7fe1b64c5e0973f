"""SQL of shipping addresses. The statement of a checkout writes them."""

from typing import Any

from sqlalchemy import bindparam, select

from models.fulfillment.shipping_address import ShippingAddressModel
from repositories.statements.statement import Statement, compiled

_address: Any = ShippingAddressModel
_OF_ORDER = compiled(
    select(_address.address_id, _address.street, _address.number, _address.city, _address.client_id).where(
        _address.order_id == bindparam("order_id")
    )
)


class ShippingAddressRepository:
    @staticmethod
    def of_order(order_id: int) -> Statement:
        """Return the statement that reads the fields of an address, in their order."""
        return Statement(_OF_ORDER, {"order_id": order_id})
