from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.shipment_event_schema_status import ShipmentEventSchemaStatus
from ..types import UNSET, Unset

T = TypeVar("T", bound="ShipmentEventSchema")


@_attrs_define
class ShipmentEventSchema:
    """Event of a shipment, as it was reported.

    Attributes:
        id_key (int): Set by the server. Default: 0.
        shipment_id (int): The `id_key` of the shipment.
        status (ShipmentEventSchemaStatus): The state.
        location (None | str): The place of the event.
        occurred_at (datetime.datetime): When it happened, in UTC.
        created_at (datetime.datetime): When it was created, in UTC.
        updated_at (datetime.datetime | Unset): With `include=timestamps`.
    """

    shipment_id: int
    status: ShipmentEventSchemaStatus
    location: None | str
    occurred_at: datetime.datetime
    created_at: datetime.datetime
    id_key: int = 0
    updated_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id_key = self.id_key

        shipment_id = self.shipment_id

        status = self.status.value

        location: None | str
        location = self.location

        occurred_at = self.occurred_at.isoformat()

        created_at = self.created_at.isoformat()

        updated_at: str | Unset = UNSET
        if not isinstance(self.updated_at, Unset):
            updated_at = self.updated_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id_key": id_key,
                "shipment_id": shipment_id,
                "status": status,
                "location": location,
                "occurred_at": occurred_at,
                "created_at": created_at,
            }
        )
        if updated_at is not UNSET:
            field_dict["updated_at"] = updated_at

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        id_key = d.pop("id_key")

        shipment_id = d.pop("shipment_id")

        status = ShipmentEventSchemaStatus(d.pop("status"))

        def _parse_location(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        location = _parse_location(d.pop("location"))

        occurred_at = datetime.datetime.fromisoformat(d.pop("occurred_at"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        _updated_at = d.pop("updated_at", UNSET)
        updated_at: datetime.datetime | Unset
        if isinstance(_updated_at, Unset):
            updated_at = UNSET
        else:
            updated_at = datetime.datetime.fromisoformat(_updated_at)

        shipment_event_schema = cls(
            id_key=id_key,
            shipment_id=shipment_id,
            status=status,
            location=location,
            occurred_at=occurred_at,
            created_at=created_at,
            updated_at=updated_at,
        )

        shipment_event_schema.additional_properties = d
        return shipment_event_schema

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
