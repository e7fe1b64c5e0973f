from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Balance")


@_attrs_define
class Balance:
    """
    Attributes:
        order_id (int): The `id_key` of the order.
        total (float): The sum of the details, less the discount.
        captured (float): Money that is paid.
        refunded (float): Money that is paid back.
        due (float): Total without captured, authorized and pending payments; 0 for canceled orders.
    """

    order_id: int
    total: float
    captured: float
    refunded: float
    due: float
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        order_id = self.order_id

        total = self.total

        captured = self.captured

        refunded = self.refunded

        due = self.due

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "order_id": order_id,
                "total": total,
                "captured": captured,
                "refunded": refunded,
                "due": due,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        order_id = d.pop("order_id")

        total = d.pop("total")

        captured = d.pop("captured")

        refunded = d.pop("refunded")

        due = d.pop("due")

        balance = cls(
            order_id=order_id,
            total=total,
            captured=captured,
            refunded=refunded,
            due=due,
        )

        balance.additional_properties = d
        return balance

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
