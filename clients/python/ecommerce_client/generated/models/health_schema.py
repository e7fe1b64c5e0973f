from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.health_schema_status import HealthSchemaStatus

if TYPE_CHECKING:
    from ..models.checks import Checks


T = TypeVar("T", bound="HealthSchema")


@_attrs_define
class HealthSchema:
    """
    Attributes:
        status (HealthSchemaStatus): `degraded` if Redis is down, `unhealthy` if the database is down.
        timestamp (datetime.datetime): When the health was checked.
        checks (Checks):
    """

    status: HealthSchemaStatus
    timestamp: datetime.datetime
    checks: Checks
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        status = self.status.value

        timestamp = self.timestamp.isoformat()

        checks = self.checks.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "status": status,
                "timestamp": timestamp,
                "checks": checks,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.checks import Checks

        d = dict(src_dict)
        status = HealthSchemaStatus(d.pop("status"))

        timestamp = datetime.datetime.fromisoformat(d.pop("timestamp"))

        checks = Checks.from_dict(d.pop("checks"))

        health_schema = cls(
            status=status,
            timestamp=timestamp,
            checks=checks,
        )

        health_schema.additional_properties = d
        return health_schema

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
