from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.shipment_status import ShipmentStatus
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.order_line import OrderLine


T = TypeVar("T", bound="ShipmentSchema")


@_attrs_define
class ShipmentSchema:
    """Stored shipment.

    Attributes:
        id_key (int): Set by the server. Default: 0.
        order_id (int): The `id_key` of the order.
        carrier (None | str): The company that transports the shipment.
        tracking_number (None | str): The carrier's number of the shipment.
        status (ShipmentStatus): Status of a shipment: that of its last event, or `created`.
        lines (list[OrderLine]): Units of order details.
        created_at (datetime.datetime): When it was created, in UTC.
        updated_at (datetime.datetime | Unset): With `include=timestamps`.
    """

    order_id: int
    carrier: None | str
    tracking_number: None | str
    status: ShipmentStatus
    lines: list[OrderLine]
    created_at: datetime.datetime
    id_key: int = 0
    updated_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id_key = self.id_key

        order_id = self.order_id

        carrier: None | str
        carrier = self.carrier

        tracking_number: None | str
        tracking_number = self.tracking_number

        status = self.status.value

        lines = []
        for lines_item_data in self.lines:
            lines_item = lines_item_data.to_dict()
            lines.append(lines_item)

        created_at = self.created_at.isoformat()

        updated_at: str | Unset = UNSET
        if not isinstance(self.updated_at, Unset):
            updated_at = self.updated_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id_key": id_key,
                "order_id": order_id,
                "carrier": carrier,
                "tracking_number": tracking_number,
                "status": status,
                "lines": lines,
                "created_at": created_at,
            }
        )
        if updated_at is not UNSET:
            field_dict["updated_at"] = updated_at

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.order_line import OrderLine

        d = dict(src_dict)
        id_key = d.pop("id_key")

        order_id = d.pop("order_id")

        def _parse_carrier(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        carrier = _parse_carrier(d.pop("carrier"))

        def _parse_tracking_number(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        tracking_number = _parse_tracking_number(d.pop("tracking_number"))

        status = ShipmentStatus(d.pop("status"))

        lines = []
        _lines = d.pop("lines")
        for lines_item_data in _lines:
            lines_item = OrderLine.from_dict(lines_item_data)

            lines.append(lines_item)

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        _updated_at = d.pop("updated_at", UNSET)
        updated_at: datetime.datetime | Unset
        if isinstance(_updated_at, Unset):
            updated_at = UNSET
        else:
            updated_at = datetime.datetime.fromisoformat(_updated_at)

        shipment_schema = cls(
            id_key=id_key,
            order_id=order_id,
            carrier=carrier,
            tracking_number=tracking_number,
            status=status,
            lines=lines,
            created_at=created_at,
            updated_at=updated_at,
        )

        shipment_schema.additional_properties = d
        return shipment_schema

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
