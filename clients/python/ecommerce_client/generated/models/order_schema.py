from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.delivery_method import DeliveryMethod
from ..models.order_status import OrderStatus
from ..types import UNSET, Unset

T = TypeVar("T", bound="OrderSchema")


@_attrs_define
class OrderSchema:
    """Stored order.

    Attributes:
        id_key (int): Set by the server. Default: 0.
        date (datetime.datetime): Default: now. A time without a zone is UTC.
        total (float): The sum of the details, less the discount.
        delivery_method (DeliveryMethod):
        status (OrderStatus):
        client_id (int): The `id_key` of the client.
        bill_id (int): The `id_key` of the bill. A bill belongs to the orders of one client.
        created_at (datetime.datetime | Unset): With `include=timestamps`.
        updated_at (datetime.datetime | Unset): With `include=timestamps`.
    """

    date: datetime.datetime
    total: float
    delivery_method: DeliveryMethod
    status: OrderStatus
    client_id: int
    bill_id: int
    id_key: int = 0
    created_at: datetime.datetime | Unset = UNSET
    updated_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id_key = self.id_key

        date = self.date.isoformat()

        total = self.total

        delivery_method = self.delivery_method.value

        status = self.status.value

        client_id = self.client_id

        bill_id = self.bill_id

        created_at: str | Unset = UNSET
        if not isinstance(self.created_at, Unset):
            created_at = self.created_at.isoformat()

        updated_at: str | Unset = UNSET
        if not isinstance(self.updated_at, Unset):
            updated_at = self.updated_at.isoformat()

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
            }
        )
        if created_at is not UNSET:
            field_dict["created_at"] = created_at
        if updated_at is not UNSET:
            field_dict["updated_at"] = updated_at

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        id_key = d.pop("id_key")

        date = datetime.datetime.fromisoformat(d.pop("date"))

        total = d.pop("total")

        delivery_method = DeliveryMethod(d.pop("delivery_method"))

        status = OrderStatus(d.pop("status"))

        client_id = d.pop("client_id")

        bill_id = d.pop("bill_id")

        _created_at = d.pop("created_at", UNSET)
        created_at: datetime.datetime | Unset
        if isinstance(_created_at, Unset):
            created_at = UNSET
        else:
            created_at = datetime.datetime.fromisoformat(_created_at)

        _updated_at = d.pop("updated_at", UNSET)
        updated_at: datetime.datetime | Unset
        if isinstance(_updated_at, Unset):
            updated_at = UNSET
        else:
            updated_at = datetime.datetime.fromisoformat(_updated_at)

        order_schema = cls(
            id_key=id_key,
            date=date,
            total=total,
            delivery_method=delivery_method,
            status=status,
            client_id=client_id,
            bill_id=bill_id,
            created_at=created_at,
            updated_at=updated_at,
        )

        order_schema.additional_properties = d
        return order_schema

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
