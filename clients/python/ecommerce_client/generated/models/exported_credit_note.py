from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ExportedCreditNote")


@_attrs_define
class ExportedCreditNote:
    """
    Attributes:
        id_key (int): Set by the server. Default: 0.
        number (str): The house number.
        bill_id (int): The `id_key` of the bill. A bill belongs to the orders of one client.
        return_id (int): The `id_key` of the return.
        amount (float): The amount of money.
        created_at (datetime.datetime): When it was created, in UTC.
        updated_at (datetime.datetime): When it last changed, in UTC.
    """

    number: str
    bill_id: int
    return_id: int
    amount: float
    created_at: datetime.datetime
    updated_at: datetime.datetime
    id_key: int = 0
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id_key = self.id_key

        number = self.number

        bill_id = self.bill_id

        return_id = self.return_id

        amount = self.amount

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id_key": id_key,
                "number": number,
                "bill_id": bill_id,
                "return_id": return_id,
                "amount": amount,
                "created_at": created_at,
                "updated_at": updated_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        id_key = d.pop("id_key")

        number = d.pop("number")

        bill_id = d.pop("bill_id")

        return_id = d.pop("return_id")

        amount = d.pop("amount")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        updated_at = datetime.datetime.fromisoformat(d.pop("updated_at"))

        exported_credit_note = cls(
            id_key=id_key,
            number=number,
            bill_id=bill_id,
            return_id=return_id,
            amount=amount,
            created_at=created_at,
            updated_at=updated_at,
        )

        exported_credit_note.additional_properties = d
        return exported_credit_note

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
