from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="OrderDetailCreate")


@_attrs_define
class OrderDetailCreate:
    """
    Example:
        {'order_id': 1, 'product_id': 1, 'quantity': 2}

    Attributes:
        quantity (int): Number of units.
        order_id (int): The `id_key` of the order.
        product_id (int): The `id_key` of the product.
        price (float | None | Unset): Taken from the product when left out; another one is refused.
    """

    quantity: int
    order_id: int
    product_id: int
    price: float | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        quantity = self.quantity

        order_id = self.order_id

        product_id = self.product_id

        price: float | None | Unset
        if isinstance(self.price, Unset):
            price = UNSET
        else:
            price = self.price

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "quantity": quantity,
                "order_id": order_id,
                "product_id": product_id,
            }
        )
        if price is not UNSET:
            field_dict["price"] = price

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        quantity = d.pop("quantity")

        order_id = d.pop("order_id")

        product_id = d.pop("product_id")

        def _parse_price(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        price = _parse_price(d.pop("price", UNSET))

        order_detail_create = cls(
            quantity=quantity,
            order_id=order_id,
            product_id=product_id,
            price=price,
        )

        order_detail_create.additional_properties = d
        return order_detail_create

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
