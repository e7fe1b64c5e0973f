from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="AddressUpdate")


@_attrs_define
class AddressUpdate:
    """
    Example:
        {'number': '7', 'street': 'Station Road'}

    Attributes:
        street (str | Unset): The street. As a filter: exactly this one.
        number (None | str | Unset): The house number.
        city (str | Unset): The city. As a filter: exactly this one.
        client_id (int | Unset): The `id_key` of the client.
    """

    street: str | Unset = UNSET
    number: None | str | Unset = UNSET
    city: str | Unset = UNSET
    client_id: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        street = self.street

        number: None | str | Unset
        if isinstance(self.number, Unset):
            number = UNSET
        else:
            number = self.number

        city = self.city

        client_id = self.client_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if street is not UNSET:
            field_dict["street"] = street
        if number is not UNSET:
            field_dict["number"] = number
        if city is not UNSET:
            field_dict["city"] = city
        if client_id is not UNSET:
            field_dict["client_id"] = client_id

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        street = d.pop("street", UNSET)

        def _parse_number(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        number = _parse_number(d.pop("number", UNSET))

        city = d.pop("city", UNSET)

        client_id = d.pop("client_id", UNSET)

        address_update = cls(
            street=street,
            number=number,
            city=city,
            client_id=client_id,
        )

        address_update.additional_properties = d
        return address_update

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
