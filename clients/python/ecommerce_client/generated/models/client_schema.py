from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="ClientSchema")


@_attrs_define
class ClientSchema:
    """Stored client.

    Attributes:
        id_key (int): Set by the server. Default: 0.
        name (str): The name.
        lastname (str): The family name.
        email (str): Domains for special use, as `.test` is one, are refused.
        telephone (None | str): The telephone number in international form.
        created_at (datetime.datetime | Unset): With `include=timestamps`.
        updated_at (datetime.datetime | Unset): With `include=timestamps`.
    """

    name: str
    lastname: str
    email: str
    telephone: None | str
    id_key: int = 0
    created_at: datetime.datetime | Unset = UNSET
    updated_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id_key = self.id_key

        name = self.name

        lastname = self.lastname

        email = self.email

        telephone: None | str
        telephone = self.telephone

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
                "name": name,
                "lastname": lastname,
                "email": email,
                "telephone": telephone,
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

        name = d.pop("name")

        lastname = d.pop("lastname")

        email = d.pop("email")

        def _parse_telephone(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        telephone = _parse_telephone(d.pop("telephone"))

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

        client_schema = cls(
            id_key=id_key,
            name=name,
            lastname=lastname,
            email=email,
            telephone=telephone,
            created_at=created_at,
            updated_at=updated_at,
        )

        client_schema.additional_properties = d
        return client_schema

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
