from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.order_status import OrderStatus

T = TypeVar("T", bound="OrderStatusChange")


@_attrs_define
class OrderStatusChange:
    """
    Attributes:
        from_status (None | OrderStatus): Null for the creation.
        to_status (OrderStatus):
        changed_at (datetime.datetime): When the status changed, in UTC.
    """

    from_status: None | OrderStatus
    to_status: OrderStatus
    changed_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from_status: int | None
        if isinstance(self.from_status, OrderStatus):
            from_status = self.from_status.value
        else:
            from_status = self.from_status

        to_status = self.to_status.value

        changed_at = self.changed_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "from_status": from_status,
                "to_status": to_status,
                "changed_at": changed_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_from_status(data: object) -> None | OrderStatus:
            if data is None:
                return data
            try:
                if not isinstance(data, int):
                    raise TypeError()
                from_status_type_0 = OrderStatus(data)

                return from_status_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | OrderStatus, data)

        from_status = _parse_from_status(d.pop("from_status"))

        to_status = OrderStatus(d.pop("to_status"))

        changed_at = datetime.datetime.fromisoformat(d.pop("changed_at"))

        order_status_change = cls(
            from_status=from_status,
            to_status=to_status,
            changed_at=changed_at,
        )

        order_status_change.additional_properties = d
        return order_status_change

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
