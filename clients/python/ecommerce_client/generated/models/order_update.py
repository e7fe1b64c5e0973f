from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.delivery_method import DeliveryMethod
from ..models.order_status import OrderStatus
from ..types import UNSET, Unset

T = TypeVar("T", bound="OrderUpdate")


@_attrs_define
class OrderUpdate:
    """
    Example:
        {'delivery_method': 1, 'status': 2}

    Attributes:
        date (datetime.datetime | Unset): The date.
        total (float | Unset): The sum of the details, less the discount.
        delivery_method (DeliveryMethod | Unset):
        status (OrderStatus | Unset):
        client_id (int | Unset): The `id_key` of the client.
        bill_id (int | Unset): The `id_key` of the bill. A bill belongs to the orders of one client.
    """

    date: datetime.datetime | Unset = UNSET
    total: float | Unset = UNSET
    delivery_method: DeliveryMethod | Unset = UNSET
    status: OrderStatus | Unset = UNSET
    client_id: int | Unset = UNSET
    bill_id: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        date: str | Unset = UNSET
        if not isinstance(self.date, Unset):
            date = self.date.isoformat()

        total = self.total

        delivery_method: int | Unset = UNSET
        if not isinstance(self.delivery_method, Unset):
            delivery_method = self.delivery_method.value

        status: int | Unset = UNSET
        if not isinstance(self.status, Unset):
            status = self.status.value

        client_id = self.client_id

        bill_id = self.bill_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if date is not UNSET:
            field_dict["date"] = date
        if total is not UNSET:
            field_dict["total"] = total
        if delivery_method is not UNSET:
            field_dict["delivery_method"] = delivery_method
        if status is not UNSET:
            field_dict["status"] = status
        if client_id is not UNSET:
            field_dict["client_id"] = client_id
        if bill_id is not UNSET:
            field_dict["bill_id"] = bill_id

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        _date = d.pop("date", UNSET)
        date: datetime.datetime | Unset
        if isinstance(_date, Unset):
            date = UNSET
        else:
            date = datetime.datetime.fromisoformat(_date)

        total = d.pop("total", UNSET)

        _delivery_method = d.pop("delivery_method", UNSET)
        delivery_method: DeliveryMethod | Unset
        if isinstance(_delivery_method, Unset):
            delivery_method = UNSET
        else:
            delivery_method = DeliveryMethod(_delivery_method)

        _status = d.pop("status", UNSET)
        status: OrderStatus | Unset
        if isinstance(_status, Unset):
            status = UNSET
        else:
            status = OrderStatus(_status)

        client_id = d.pop("client_id", UNSET)

        bill_id = d.pop("bill_id", UNSET)

        order_update = cls(
            date=date,
            total=total,
            delivery_method=delivery_method,
            status=status,
            client_id=client_id,
            bill_id=bill_id,
        )

        order_update.additional_properties = d
        return order_update

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
