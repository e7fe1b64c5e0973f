from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.new_api_key_schema_role import NewApiKeySchemaRole
from ..types import UNSET, Unset

T = TypeVar("T", bound="NewApiKeySchema")


@_attrs_define
class NewApiKeySchema:
    """API key with its secret, which no other response contains.

    Attributes:
        id_key (int): Set by the server. Default: 0.
        description (None | str): A note for people.
        role (NewApiKeySchemaRole): What the key may do: everything, or what one client may.
        client_id (int | None): With the role `client` only.
        scopes (list[str] | None): What the key is restricted to. Null: nothing.
        networks (list[str] | None): Client addresses that may use the key. Null: all.
        expires_at (datetime.datetime | None): When it stops being valid.
        name (str): As in the audit log and in limits. Not secret.
        created_at (datetime.datetime): When it was created, in UTC.
        last_used_at (datetime.datetime | None): Accurate to a minute.
        revoked_at (datetime.datetime | None): When it was deleted. Only lists with `revoked=true` show it.
        replaced_by_id (int | None): The key that a rotation made.
        key (None | str): The value for `X-API-Key`. Shown once: repeats with the same `Idempotency-Key` do not contain
            it.
        updated_at (datetime.datetime | Unset): With `include=timestamps`.
    """

    description: None | str
    role: NewApiKeySchemaRole
    client_id: int | None
    scopes: list[str] | None
    networks: list[str] | None
    expires_at: datetime.datetime | None
    name: str
    created_at: datetime.datetime
    last_used_at: datetime.datetime | None
    revoked_at: datetime.datetime | None
    replaced_by_id: int | None
    key: None | str
    id_key: int = 0
    updated_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id_key = self.id_key

        description: None | str
        description = self.description

        role = self.role.value

        client_id: int | None
        client_id = self.client_id

        scopes: list[str] | None
        if isinstance(self.scopes, list):
            scopes = self.scopes

        else:
            scopes = self.scopes

        networks: list[str] | None
        if isinstance(self.networks, list):
            networks = self.networks

        else:
            networks = self.networks

        expires_at: None | str
        if isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        name = self.name

        created_at = self.created_at.isoformat()

        last_used_at: None | str
        if isinstance(self.last_used_at, datetime.datetime):
            last_used_at = self.last_used_at.isoformat()
        else:
            last_used_at = self.last_used_at

        revoked_at: None | str
        if isinstance(self.revoked_at, datetime.datetime):
            revoked_at = self.revoked_at.isoformat()
        else:
            revoked_at = self.revoked_at

        replaced_by_id: int | None
        replaced_by_id = self.replaced_by_id

        key: None | str
        key = self.key

        updated_at: str | Unset = UNSET
        if not isinstance(self.updated_at, Unset):
            updated_at = self.updated_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id_key": id_key,
                "description": description,
                "role": role,
                "client_id": client_id,
                "scopes": scopes,
                "networks": networks,
                "expires_at": expires_at,
                "name": name,
                "created_at": created_at,
                "last_used_at": last_used_at,
                "revoked_at": revoked_at,
                "replaced_by_id": replaced_by_id,
                "key": key,
            }
        )
        if updated_at is not UNSET:
            field_dict["updated_at"] = updated_at

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        id_key = d.pop("id_key")

        def _parse_description(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        description = _parse_description(d.pop("description"))

        role = NewApiKeySchemaRole(d.pop("role"))

        def _parse_client_id(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        client_id = _parse_client_id(d.pop("client_id"))

        def _parse_scopes(data: object) -> list[str] | None:
            if data is None:
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                scopes_type_0 = cast(list[str], data)

                return scopes_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None, data)

        scopes = _parse_scopes(d.pop("scopes"))

        def _parse_networks(data: object) -> list[str] | None:
            if data is None:
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                networks_type_0 = cast(list[str], data)

                return networks_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None, data)

        networks = _parse_networks(d.pop("networks"))

        def _parse_expires_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                expires_at_type_0 = datetime.datetime.fromisoformat(data)

                return expires_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        expires_at = _parse_expires_at(d.pop("expires_at"))

        name = d.pop("name")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_last_used_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                last_used_at_type_0 = datetime.datetime.fromisoformat(data)

                return last_used_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        last_used_at = _parse_last_used_at(d.pop("last_used_at"))

        def _parse_revoked_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                revoked_at_type_0 = datetime.datetime.fromisoformat(data)

                return revoked_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        revoked_at = _parse_revoked_at(d.pop("revoked_at"))

        def _parse_replaced_by_id(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        replaced_by_id = _parse_replaced_by_id(d.pop("replaced_by_id"))

        def _parse_key(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        key = _parse_key(d.pop("key"))

        _updated_at = d.pop("updated_at", UNSET)
        updated_at: datetime.datetime | Unset
        if isinstance(_updated_at, Unset):
            updated_at = UNSET
        else:
            updated_at = datetime.datetime.fromisoformat(_updated_at)

        new_api_key_schema = cls(
            id_key=id_key,
            description=description,
            role=role,
            client_id=client_id,
            scopes=scopes,
            networks=networks,
            expires_at=expires_at,
            name=name,
            created_at=created_at,
            last_used_at=last_used_at,
            revoked_at=revoked_at,
            replaced_by_id=replaced_by_id,
            key=key,
            updated_at=updated_at,
        )

        new_api_key_schema.additional_properties = d
        return new_api_key_schema

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
