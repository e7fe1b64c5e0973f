from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.bill_schema import BillSchema
    from ..models.order_detail_schema import OrderDetailSchema
    from ..models.order_schema import OrderSchema


T = TypeVar("T", bound="CheckoutSchema")


@_attrs_define
class CheckoutSchema:
    """
    Attributes:
        order (OrderSchema): Stored order.
        bill (BillSchema): Stored bill.
        order_details (list[OrderDetailSchema]): The lines of the order.
    """

    order: OrderSchema
    bill: BillSchema
    order_details: list[OrderDetailSchema]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        order = self.order.to_dict()

        bill = self.bill.to_dict()

        order_details = []
        for order_details_item_data in self.order_details:
            order_details_item = order_details_item_data.to_dict()
            order_details.append(order_details_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "order": order,
                "bill": bill,
                "order_details": order_details,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.bill_schema import BillSchema
        from ..models.order_detail_schema import OrderDetailSchema
        from ..models.order_schema import OrderSchema

        d = dict(src_dict)
        order = OrderSchema.from_dict(d.pop("order"))

        bill = BillSchema.from_dict(d.pop("bill"))

        order_details = []
        _order_details = d.pop("order_details")
        for order_details_item_data in _order_details:
            order_details_item = OrderDetailSchema.from_dict(order_details_item_data)

            order_details.append(order_details_item)

        checkout_schema = cls(
            order=order,
            bill=bill,
            order_details=order_details,
        )

        checkout_schema.additional_properties = d
        return checkout_schema

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
