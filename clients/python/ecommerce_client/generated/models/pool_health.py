from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="PoolHealth")


@_attrs_define
class PoolHealth:
    """The pool of database connections that is used most: for transactions, reads or writes.

    Attributes:
        size (int): Connections that the pool keeps.
        checked_in (int): Idle connections.
        checked_out (int): Connections in use.
        overflow (int): Connections beyond the size of the pool.
        total_capacity (int): Connections that the pool may have.
        utilization_percent (float): Share of the connections that are in use.
    """

    size: int
    checked_in: int
    checked_out: int
    overflow: int
    total_capacity: int
    utilization_percent: float
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        size = self.size

        checked_in = self.checked_in

        checked_out = self.checked_out

        overflow = self.overflow

        total_capacity = self.total_capacity

        utilization_percent = self.utilization_percent

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "size": size,
                "checked_in": checked_in,
                "checked_out": checked_out,
                "overflow": overflow,
                "total_capacity": total_capacity,
                "utilization_percent": utilization_percent,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        size = d.pop("size")

        checked_in = d.pop("checked_in")

        checked_out = d.pop("checked_out")

        overflow = d.pop("overflow")

        total_capacity = d.pop("total_capacity")

        utilization_percent = d.pop("utilization_percent")

        pool_health = cls(
            size=size,
            checked_in=checked_in,
            checked_out=checked_out,
            overflow=overflow,
            total_capacity=total_capacity,
            utilization_percent=utilization_percent,
        )

        pool_health.additional_properties = d
        return pool_health

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
