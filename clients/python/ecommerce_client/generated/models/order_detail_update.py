from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="OrderDetailUpdate")


@_attrs_define
class OrderDetailUpdate:
    """
    Example:
        {'quantity': 3}

    Attributes:
        quantity (int | Unset): Number of units.
        price (float | Unset): The price of one unit.
        order_id (int | Unset): The `id_key` of the order.
        product_id (int | Unset): The `id_key` of the product.
    """

    quantity: int | Unset = UNSET
    price: float | Unset = UNSET
    order_id: int | Unset = UNSET
    product_id: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        quantity = self.quantity

        price = self.price

        order_id = self.order_id

        product_id = self.product_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if quantity is not UNSET:
            field_dict["quantity"] = quantity
        if price is not UNSET:
            field_dict["price"] = price
        if order_id is not UNSET:
            field_dict["order_id"] = order_id
        if product_id is not UNSET:
            field_dict["product_id"] = product_id

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        quantity = d.pop("quantity", UNSET)

        price = d.pop("price", UNSET)

        order_id = d.pop("order_id", UNSET)

        product_id = d.pop("product_id", UNSET)

        order_detail_update = cls(
            quantity=quantity,
            price=price,
            order_id=order_id,
            product_id=product_id,
        )

        order_detail_update.additional_properties = d
        return order_detail_update

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
