from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.audit_entry_schema_method import AuditEntrySchemaMethod
from ..types import UNSET, Unset

T = TypeVar("T", bound="AuditEntrySchema")


@_attrs_define
class AuditEntrySchema:
    """Change of an object, or refusals of a route.

    Attributes:
        id_key (int): Set by the server. Default: 0.
        created_at (datetime.datetime): When it was created, in UTC.
        principal (str): The name of an admin's key, an admin's subject, or `client:` and its `id_key`. For a client
            that does not exist any more: its pseudonym. Empty without credentials.
        request_id (str): Set by the server.
        caller_request_id (None | str): The `X-Request-ID` of the request.
        method (AuditEntrySchemaMethod): The HTTP method.
        path (str): With pseudonyms for a client that does not exist any more, and for its objects. Of refusals: the
            template of the route.
        status (int): The state.
        times (int): Equal refusals within `AUDIT_INTERVAL`, and 1 for a change.
        updated_at (datetime.datetime | Unset): With `include=timestamps`.
    """

    created_at: datetime.datetime
    principal: str
    request_id: str
    caller_request_id: None | str
    method: AuditEntrySchemaMethod
    path: str
    status: int
    times: int
    id_key: int = 0
    updated_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id_key = self.id_key

        created_at = self.created_at.isoformat()

        principal = self.principal

        request_id = self.request_id

        caller_request_id: None | str
        caller_request_id = self.caller_request_id

        method = self.method.value

        path = self.path

        status = self.status

        times = self.times

        updated_at: str | Unset = UNSET
        if not isinstance(self.updated_at, Unset):
            updated_at = self.updated_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id_key": id_key,
                "created_at": created_at,
                "principal": principal,
                "request_id": request_id,
                "caller_request_id": caller_request_id,
                "method": method,
                "path": path,
                "status": status,
                "times": times,
            }
        )
        if updated_at is not UNSET:
            field_dict["updated_at"] = updated_at

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        id_key = d.pop("id_key")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        principal = d.pop("principal")

        request_id = d.pop("request_id")

        def _parse_caller_request_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        caller_request_id = _parse_caller_request_id(d.pop("caller_request_id"))

        method = AuditEntrySchemaMethod(d.pop("method"))

        path = d.pop("path")

        status = d.pop("status")

        times = d.pop("times")

        _updated_at = d.pop("updated_at", UNSET)
        updated_at: datetime.datetime | Unset
        if isinstance(_updated_at, Unset):
            updated_at = UNSET
        else:
            updated_at = datetime.datetime.fromisoformat(_updated_at)

        audit_entry_schema = cls(
            id_key=id_key,
            created_at=created_at,
            principal=principal,
            request_id=request_id,
            caller_request_id=caller_request_id,
            method=method,
            path=path,
            status=status,
            times=times,
            updated_at=updated_at,
        )

        audit_entry_schema.additional_properties = d
        return audit_entry_schema

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
