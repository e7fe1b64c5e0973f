from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.payment_type import PaymentType
from ..types import UNSET, Unset

T = TypeVar("T", bound="BillSchema")


@_attrs_define
class BillSchema:
    """Stored bill.

    Attributes:
        id_key (int): Set by the server. Default: 0.
        bill_number (str): Made by the server when left out.
        discount (float): Money taken off the sum of the details. Default: 0.0.
        date (datetime.date): Default: today in UTC.
        total (float): The sum of the details, less the discount.
        payment_type (PaymentType):
        created_at (datetime.datetime | Unset): With `include=timestamps`.
        updated_at (datetime.datetime | Unset): With `include=timestamps`.
    """

    bill_number: str
    date: datetime.date
    total: float
    payment_type: PaymentType
    id_key: int = 0
    discount: float = 0.0
    created_at: datetime.datetime | Unset = UNSET
    updated_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id_key = self.id_key

        bill_number = self.bill_number

        discount = self.discount

        date = self.date.isoformat()

        total = self.total

        payment_type = self.payment_type.value

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
                "bill_number": bill_number,
                "discount": discount,
                "date": date,
                "total": total,
                "payment_type": payment_type,
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

        bill_number = d.pop("bill_number")

        discount = d.pop("discount")

        date = datetime.date.fromisoformat(d.pop("date"))

        total = d.pop("total")

        payment_type = PaymentType(d.pop("payment_type"))

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

        bill_schema = cls(
            id_key=id_key,
            bill_number=bill_number,
            discount=discount,
            date=date,
            total=total,
            payment_type=payment_type,
            created_at=created_at,
            updated_at=updated_at,
        )

        bill_schema.additional_properties = d
        return bill_schema

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
