from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.delivery_method import DeliveryMethod
from ..models.order_status import OrderStatus

if TYPE_CHECKING:
    from ..models.exported_bill import ExportedBill
    from ..models.exported_order_detail import ExportedOrderDetail
    from ..models.exported_payment import ExportedPayment
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
        order_details (list[ExportedOrderDetail]): The lines of the order.
        history (list[OrderStatusChange]): Status changes, oldest first, including the creation.
        payments (list[ExportedPayment]): The payments of the order.
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
    order_details: list[ExportedOrderDetail]
    history: list[OrderStatusChange]
    payments: list[ExportedPayment]
    id_key: int = 0
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
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

        order_details = []
        for order_details_item_data in self.order_details:
            order_details_item = order_details_item_data.to_dict()
            order_details.append(order_details_item)

        history = []
        for history_item_data in self.history:
            history_item = history_item_data.to_dict()
            history.append(history_item)

        payments = []
        for payments_item_data in self.payments:
            payments_item = payments_item_data.to_dict()
            payments.append(payments_item)

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
                "order_details": order_details,
                "history": history,
                "payments": payments,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.exported_bill import ExportedBill
        from ..models.exported_order_detail import ExportedOrderDetail
        from ..models.exported_payment import ExportedPayment
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

        order_details = []
        _order_details = d.pop("order_details")
        for order_details_item_data in _order_details:
            order_details_item = ExportedOrderDetail.from_dict(order_details_item_data)

            order_details.append(order_details_item)

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
            order_details=order_details,
            history=history,
            payments=payments,
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
