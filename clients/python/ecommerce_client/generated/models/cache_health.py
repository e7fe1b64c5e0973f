from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="CacheHealth")


@_attrs_define
class CacheHealth:
    """
    Attributes:
        hits (int): Reads that the cache answered.
        misses (int): Reads that the cache did not answer.
        hit_rate_percent (float): Share of reads that the cache answered.
    """

    hits: int
    misses: int
    hit_rate_percent: float
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        hits = self.hits

        misses = self.misses

        hit_rate_percent = self.hit_rate_percent

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "hits": hits,
                "misses": misses,
                "hit_rate_percent": hit_rate_percent,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        hits = d.pop("hits")

        misses = d.pop("misses")

        hit_rate_percent = d.pop("hit_rate_percent")

        cache_health = cls(
            hits=hits,
            misses=misses,
            hit_rate_percent=hit_rate_percent,
        )

        cache_health.additional_properties = d
        return cache_health

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
