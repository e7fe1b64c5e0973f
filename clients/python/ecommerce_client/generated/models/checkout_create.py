from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.delivery_method import DeliveryMethod
from ..models.payment_type import PaymentType
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.checkout_item import CheckoutItem


T = TypeVar("T", bound="CheckoutCreate")


@_attrs_define
class CheckoutCreate:
    """
    Example:
        {'client_id': 1, 'delivery_method': 3, 'items': [{'product_id': 1, 'quantity': 2}], 'payment_type': 'cash'}

    Attributes:
        client_id (int): The `id_key` of the client.
        delivery_method (DeliveryMethod):
        payment_type (PaymentType):
        items (list[CheckoutItem]): The lines of the order.
        discount (float | None | Unset): Money taken off the sum of the details. Default: 0.0.
        bill_number (None | str | Unset): Made by the server when left out.
        address_id (int | None | Unset): An address of the client. The order keeps a copy of it.
    """

    client_id: int
    delivery_method: DeliveryMethod
    payment_type: PaymentType
    items: list[CheckoutItem]
    discount: float | None | Unset = 0.0
    bill_number: None | str | Unset = UNSET
    address_id: int | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        client_id = self.client_id

        delivery_method = self.delivery_method.value

        payment_type = self.payment_type.value

        items = []
        for items_item_data in self.items:
            items_item = items_item_data.to_dict()
            items.append(items_item)

        discount: float | None | Unset
        if isinstance(self.discount, Unset):
            discount = UNSET
        else:
            discount = self.discount

        bill_number: None | str | Unset
        if isinstance(self.bill_number, Unset):
            bill_number = UNSET
        else:
            bill_number = self.bill_number

        address_id: int | None | Unset
        if isinstance(self.address_id, Unset):
            address_id = UNSET
        else:
            address_id = self.address_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "client_id": client_id,
                "delivery_method": delivery_method,
                "payment_type": payment_type,
                "items": items,
            }
        )
        if discount is not UNSET:
            field_dict["discount"] = discount
        if bill_number is not UNSET:
            field_dict["bill_number"] = bill_number
        if address_id is not UNSET:
            field_dict["address_id"] = address_id

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.checkout_item import CheckoutItem

        d = dict(src_dict)
        client_id = d.pop("client_id")

        delivery_method = DeliveryMethod(d.pop("delivery_method"))

        payment_type = PaymentType(d.pop("payment_type"))

        items = []
        _items = d.pop("items")
        for items_item_data in _items:
            items_item = CheckoutItem.from_dict(items_item_data)

            items.append(items_item)

        def _parse_discount(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        discount = _parse_discount(d.pop("discount", UNSET))

        def _parse_bill_number(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        bill_number = _parse_bill_number(d.pop("bill_number", UNSET))

        def _parse_address_id(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        address_id = _parse_address_id(d.pop("address_id", UNSET))

        checkout_create = cls(
            client_id=client_id,
            delivery_method=delivery_method,
            payment_type=payment_type,
            items=items,
            discount=discount,
            bill_number=bill_number,
            address_id=address_id,
        )

        checkout_create.additional_properties = d
        return checkout_create

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
