from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="NewWebhookEndpointSchema")


@_attrs_define
class NewWebhookEndpointSchema:
    """Webhook endpoint with its secret, which no other response contains.

    Attributes:
        id_key (int): Set by the server. Default: 0.
        url (str): `https`, at a public address, unless `WEBHOOK_ALLOW_PRIVATE` is set.
        event_types (list[str]): Types of events, `order.*` for all of orders, `*` for all.
        description (None | str): A note for people.
        enabled (bool): False after a response with status 410, until it is set again.
        created_at (datetime.datetime): When it was created, in UTC.
        secret (None | str): The key of the signatures. Shown once: repeats with the same `Idempotency-Key` do not
            contain it.
        updated_at (datetime.datetime | Unset): With `include=timestamps`.
    """

    url: str
    event_types: list[str]
    description: None | str
    enabled: bool
    created_at: datetime.datetime
    secret: None | str
    id_key: int = 0
    updated_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id_key = self.id_key

        url = self.url

        event_types = self.event_types

        description: None | str
        description = self.description

        enabled = self.enabled

        created_at = self.created_at.isoformat()

        secret: None | str
        secret = self.secret

        updated_at: str | Unset = UNSET
        if not isinstance(self.updated_at, Unset):
            updated_at = self.updated_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id_key": id_key,
                "url": url,
                "event_types": event_types,
                "description": description,
                "enabled": enabled,
                "created_at": created_at,
                "secret": secret,
            }
        )
        if updated_at is not UNSET:
            field_dict["updated_at"] = updated_at

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        id_key = d.pop("id_key")

        url = d.pop("url")

        event_types = cast(list[str], d.pop("event_types"))

        def _parse_description(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        description = _parse_description(d.pop("description"))

        enabled = d.pop("enabled")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_secret(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        secret = _parse_secret(d.pop("secret"))

        _updated_at = d.pop("updated_at", UNSET)
        updated_at: datetime.datetime | Unset
        if isinstance(_updated_at, Unset):
            updated_at = UNSET
        else:
            updated_at = datetime.datetime.fromisoformat(_updated_at)

        new_webhook_endpoint_schema = cls(
            id_key=id_key,
            url=url,
            event_types=event_types,
            description=description,
            enabled=enabled,
            created_at=created_at,
            secret=secret,
            updated_at=updated_at,
        )

        new_webhook_endpoint_schema.additional_properties = d
        return new_webhook_endpoint_schema

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
