from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="OrderDetailSchema")


@_attrs_define
class OrderDetailSchema:
    """Stored order detail, with the price at its creation.

    Example:
        {'id_key': 1, 'order_id': 1, 'price': 999.99, 'product_id': 1, 'quantity': 2}

    Attributes:
        id_key (int): Set by the server. Default: 0.
        quantity (int): Number of units.
        price (float): The price of one unit.
        order_id (int): The `id_key` of the order.
        product_id (int): The `id_key` of the product.
        created_at (datetime.datetime | Unset): With `include=timestamps`.
        updated_at (datetime.datetime | Unset): With `include=timestamps`.
    """

    quantity: int
    price: float
    order_id: int
    product_id: int
    id_key: int = 0
    created_at: datetime.datetime | Unset = UNSET
    updated_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id_key = self.id_key

        quantity = self.quantity

        price = self.price

        order_id = self.order_id

        product_id = self.product_id

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
                "quantity": quantity,
                "price": price,
                "order_id": order_id,
                "product_id": product_id,
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

        quantity = d.pop("quantity")

        price = d.pop("price")

        order_id = d.pop("order_id")

        product_id = d.pop("product_id")

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

        order_detail_schema = cls(
            id_key=id_key,
            quantity=quantity,
            price=price,
            order_id=order_id,
            product_id=product_id,
            created_at=created_at,
            updated_at=updated_at,
        )

        order_detail_schema.additional_properties = d
        return order_detail_schema

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
