from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ExportedShippingAddress")


@_attrs_define
class ExportedShippingAddress:
    """
    Attributes:
        address_id (int): The address that was copied.
        street (str): The street. As a filter: exactly this one.
        number (None | str): The house number.
        city (str): The city. As a filter: exactly this one.
        created_at (datetime.datetime): When it was created, in UTC.
    """

    address_id: int
    street: str
    number: None | str
    city: str
    created_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        address_id = self.address_id

        street = self.street

        number: None | str
        number = self.number

        city = self.city

        created_at = self.created_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "address_id": address_id,
                "street": street,
                "number": number,
                "city": city,
                "created_at": created_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        address_id = d.pop("address_id")

        street = d.pop("street")

        def _parse_number(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        number = _parse_number(d.pop("number"))

        city = d.pop("city")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        exported_shipping_address = cls(
            address_id=address_id,
            street=street,
            number=number,
            city=city,
            created_at=created_at,
        )

        exported_shipping_address.additional_properties = d
        return exported_shipping_address

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
