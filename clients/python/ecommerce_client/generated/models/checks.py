from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.cache_health import CacheHealth
    from ..models.database_health import DatabaseHealth
    from ..models.pool_health import PoolHealth
    from ..models.redis_health import RedisHealth


T = TypeVar("T", bound="Checks")


@_attrs_define
class Checks:
    """
    Attributes:
        database (DatabaseHealth):
        redis (RedisHealth):
        db_pool (PoolHealth): The pool of database connections that is used most: for transactions, reads or writes.
        cache (CacheHealth):
        limiter (None | RedisHealth | Unset): The limiter's own Redis. Absent without RATE_LIMIT_REDIS_URL.
    """

    database: DatabaseHealth
    redis: RedisHealth
    db_pool: PoolHealth
    cache: CacheHealth
    limiter: None | RedisHealth | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.redis_health import RedisHealth

        database = self.database.to_dict()

        redis = self.redis.to_dict()

        db_pool = self.db_pool.to_dict()

        cache = self.cache.to_dict()

        limiter: dict[str, Any] | None | Unset
        if isinstance(self.limiter, Unset):
            limiter = UNSET
        elif isinstance(self.limiter, RedisHealth):
            limiter = self.limiter.to_dict()
        else:
            limiter = self.limiter

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "database": database,
                "redis": redis,
                "db_pool": db_pool,
                "cache": cache,
            }
        )
        if limiter is not UNSET:
            field_dict["limiter"] = limiter

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.cache_health import CacheHealth
        from ..models.database_health import DatabaseHealth
        from ..models.pool_health import PoolHealth
        from ..models.redis_health import RedisHealth

        d = dict(src_dict)
        database = DatabaseHealth.from_dict(d.pop("database"))

        redis = RedisHealth.from_dict(d.pop("redis"))

        db_pool = PoolHealth.from_dict(d.pop("db_pool"))

        cache = CacheHealth.from_dict(d.pop("cache"))

        def _parse_limiter(data: object) -> None | RedisHealth | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                limiter_type_0 = RedisHealth.from_dict(data)

                return limiter_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | RedisHealth | Unset, data)

        limiter = _parse_limiter(d.pop("limiter", UNSET))

        checks = cls(
            database=database,
            redis=redis,
            db_pool=db_pool,
            cache=cache,
            limiter=limiter,
        )

        checks.additional_properties = d
        return checks

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
