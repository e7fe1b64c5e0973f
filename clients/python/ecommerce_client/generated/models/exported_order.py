from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.delivery_method import DeliveryMethod
from ..models.order_status import OrderStatus

if TYPE_CHECKING:
    from ..models.exported_bill import ExportedBill
    from ..models.exported_order_detail import ExportedOrderDetail
    from ..models.exported_payment import ExportedPayment
    from ..models.exported_return import ExportedReturn
    from ..models.exported_shipment import ExportedShipment
    from ..models.exported_shipping_address import ExportedShippingAddress
    from ..models.order_status_change import OrderStatusChange


T = TypeVar("T", bound="ExportedOrder")


@_attrs_define
class ExportedOrder:
    """
    Attributes:
        id_key (int): Set by the server. Default: 0.
        date (datetime.datetime): Default: now. A time without a zone is UTC.
        total (float): The sum of the details, less the discount.
        delivery_method (DeliveryMethod):
        status (OrderStatus):
        client_id (int): The `id_key` of the client.
        bill_id (int): The `id_key` of the bill. A bill belongs to the orders of one client.
        created_at (datetime.datetime): When it was created, in UTC.
        updated_at (datetime.datetime): When it last changed, in UTC.
        bill (ExportedBill):
        shipping_address (ExportedShippingAddress | None): The address that the order is sent to.
        order_details (list[ExportedOrderDetail]): The lines of the order.
        shipments (list[ExportedShipment]): The shipments of the order.
        history (list[OrderStatusChange]): Status changes, oldest first, including the creation.
        payments (list[ExportedPayment]): The payments of the order.
        returns (list[ExportedReturn]): The returns of the order.
    """

    date: datetime.datetime
    total: float
    delivery_method: DeliveryMethod
    status: OrderStatus
    client_id: int
    bill_id: int
    created_at: datetime.datetime
    updated_at: datetime.datetime
    bill: ExportedBill
    shipping_address: ExportedShippingAddress | None
    order_details: list[ExportedOrderDetail]
    shipments: list[ExportedShipment]
    history: list[OrderStatusChange]
    payments: list[ExportedPayment]
    returns: list[ExportedReturn]
    id_key: int = 0
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.exported_shipping_address import ExportedShippingAddress

        id_key = self.id_key

        date = self.date.isoformat()

        total = self.total

        delivery_method = self.delivery_method.value

        status = self.status.value

        client_id = self.client_id

        bill_id = self.bill_id

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        bill = self.bill.to_dict()

        shipping_address: dict[str, Any] | None
        if isinstance(self.shipping_address, ExportedShippingAddress):
            shipping_address = self.shipping_address.to_dict()
        else:
            shipping_address = self.shipping_address

        order_details = []
        for order_details_item_data in self.order_details:
            order_details_item = order_details_item_data.to_dict()
            order_details.append(order_details_item)

        shipments = []
        for shipments_item_data in self.shipments:
            shipments_item = shipments_item_data.to_dict()
            shipments.append(shipments_item)

        history = []
        for history_item_data in self.history:
            history_item = history_item_data.to_dict()
            history.append(history_item)

        payments = []
        for payments_item_data in self.payments:
            payments_item = payments_item_data.to_dict()
            payments.append(payments_item)

        returns = []
        for returns_item_data in self.returns:
            returns_item = returns_item_data.to_dict()
            returns.append(returns_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id_key": id_key,
                "date": date,
                "total": total,
                "delivery_method": delivery_method,
                "status": status,
                "client_id": client_id,
                "bill_id": bill_id,
                "created_at": created_at,
                "updated_at": updated_at,
                "bill": bill,
                "shipping_address": shipping_address,
                "order_details": order_details,
                "shipments": shipments,
                "history": history,
                "payments": payments,
                "returns": returns,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.exported_bill import ExportedBill
        from ..models.exported_order_detail import ExportedOrderDetail
        from ..models.exported_payment import ExportedPayment
        from ..models.exported_return import ExportedReturn
        from ..models.exported_shipment import ExportedShipment
        from ..models.exported_shipping_address import ExportedShippingAddress
        from ..models.order_status_change import OrderStatusChange

        d = dict(src_dict)
        id_key = d.pop("id_key")

        date = datetime.datetime.fromisoformat(d.pop("date"))

        total = d.pop("total")

        delivery_method = DeliveryMethod(d.pop("delivery_method"))

        status = OrderStatus(d.pop("status"))

        client_id = d.pop("client_id")

        bill_id = d.pop("bill_id")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        updated_at = datetime.datetime.fromisoformat(d.pop("updated_at"))

        bill = ExportedBill.from_dict(d.pop("bill"))

        def _parse_shipping_address(data: object) -> ExportedShippingAddress | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                shipping_address_type_0 = ExportedShippingAddress.from_dict(data)

                return shipping_address_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ExportedShippingAddress | None, data)

        shipping_address = _parse_shipping_address(d.pop("shipping_address"))

        order_details = []
        _order_details = d.pop("order_details")
        for order_details_item_data in _order_details:
            order_details_item = ExportedOrderDetail.from_dict(order_details_item_data)

            order_details.append(order_details_item)

        shipments = []
        _shipments = d.pop("shipments")
        for shipments_item_data in _shipments:
            shipments_item = ExportedShipment.from_dict(shipments_item_data)

            shipments.append(shipments_item)

        history = []
        _history = d.pop("history")
        for history_item_data in _history:
            history_item = OrderStatusChange.from_dict(history_item_data)

            history.append(history_item)

        payments = []
        _payments = d.pop("payments")
        for payments_item_data in _payments:
            payments_item = ExportedPayment.from_dict(payments_item_data)

            payments.append(payments_item)

        returns = []
        _returns = d.pop("returns")
        for returns_item_data in _returns:
            returns_item = ExportedReturn.from_dict(returns_item_data)

            returns.append(returns_item)

        exported_order = cls(
            id_key=id_key,
            date=date,
            total=total,
            delivery_method=delivery_method,
            status=status,
            client_id=client_id,
            bill_id=bill_id,
            created_at=created_at,
            updated_at=updated_at,
            bill=bill,
            shipping_address=shipping_address,
            order_details=order_details,
            shipments=shipments,
            history=history,
            payments=payments,
            returns=returns,
        )

        exported_order.additional_properties = d
        return exported_order

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
