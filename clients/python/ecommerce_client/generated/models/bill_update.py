from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.payment_type import PaymentType
from ..types import UNSET, Unset

T = TypeVar("T", bound="BillUpdate")


@_attrs_define
class BillUpdate:
    """
    Example:
        {'payment_type': 'card'}

    Attributes:
        bill_number (str | Unset): The number printed on the bill. Unique.
        discount (float | Unset): Money taken off the sum of the details.
        date (datetime.date | Unset): The date.
        total (float | Unset): The sum of the details, less the discount.
        payment_type (PaymentType | Unset):
    """

    bill_number: str | Unset = UNSET
    discount: float | Unset = UNSET
    date: datetime.date | Unset = UNSET
    total: float | Unset = UNSET
    payment_type: PaymentType | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        bill_number = self.bill_number

        discount = self.discount

        date: str | Unset = UNSET
        if not isinstance(self.date, Unset):
            date = self.date.isoformat()

        total = self.total

        payment_type: str | Unset = UNSET
        if not isinstance(self.payment_type, Unset):
            payment_type = self.payment_type.value

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if bill_number is not UNSET:
            field_dict["bill_number"] = bill_number
        if discount is not UNSET:
            field_dict["discount"] = discount
        if date is not UNSET:
            field_dict["date"] = date
        if total is not UNSET:
            field_dict["total"] = total
        if payment_type is not UNSET:
            field_dict["payment_type"] = payment_type

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        bill_number = d.pop("bill_number", UNSET)

        discount = d.pop("discount", UNSET)

        _date = d.pop("date", UNSET)
        date: datetime.date | Unset
        if isinstance(_date, Unset):
            date = UNSET
        else:
            date = datetime.date.fromisoformat(_date)

        total = d.pop("total", UNSET)

        _payment_type = d.pop("payment_type", UNSET)
        payment_type: PaymentType | Unset
        if isinstance(_payment_type, Unset):
            payment_type = UNSET
        else:
            payment_type = PaymentType(_payment_type)

        bill_update = cls(
            bill_number=bill_number,
            discount=discount,
            date=date,
            total=total,
            payment_type=payment_type,
        )

        bill_update.additional_properties = d
        return bill_update

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
