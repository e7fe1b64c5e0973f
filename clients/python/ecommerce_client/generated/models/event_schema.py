from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.event_schema_data import EventSchemaData


T = TypeVar("T", bound="EventSchema")


@_attrs_define
class EventSchema:
    """Change of an object.

    Attributes:
        id_key (int): Set by the server. Default: 0.
        type_ (str): The kind, for programs.
        created_at (datetime.datetime): When it was created, in UTC.
        resource (str): The path of the object.
        data (EventSchemaData): The object's body after the change, before a deletion. Personal data of deleted clients
            are null.
        updated_at (datetime.datetime | Unset): With `include=timestamps`.
    """

    type_: str
    created_at: datetime.datetime
    resource: str
    data: EventSchemaData
    id_key: int = 0
    updated_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id_key = self.id_key

        type_ = self.type_

        created_at = self.created_at.isoformat()

        resource = self.resource

        data = self.data.to_dict()

        updated_at: str | Unset = UNSET
        if not isinstance(self.updated_at, Unset):
            updated_at = self.updated_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id_key": id_key,
                "type": type_,
                "created_at": created_at,
                "resource": resource,
                "data": data,
            }
        )
        if updated_at is not UNSET:
            field_dict["updated_at"] = updated_at

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.event_schema_data import EventSchemaData

        d = dict(src_dict)
        id_key = d.pop("id_key")

        type_ = d.pop("type")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        resource = d.pop("resource")

        data = EventSchemaData.from_dict(d.pop("data"))

        _updated_at = d.pop("updated_at", UNSET)
        updated_at: datetime.datetime | Unset
        if isinstance(_updated_at, Unset):
            updated_at = UNSET
        else:
            updated_at = datetime.datetime.fromisoformat(_updated_at)

        event_schema = cls(
            id_key=id_key,
            type_=type_,
            created_at=created_at,
            resource=resource,
            data=data,
            updated_at=updated_at,
        )

        event_schema.additional_properties = d
        return event_schema

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
