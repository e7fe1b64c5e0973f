from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="ExportedAuditEntry")


@_attrs_define
class ExportedAuditEntry:
    """
    Attributes:
        id_key (int): Set by the server. Default: 0.
        created_at (datetime.datetime): When it was created, in UTC.
        request_id (str): The service's own id of the request. Log lines contain it.
        method (str): The HTTP method.
        path (str): The path of the request.
        status (int): The state.
        updated_at (datetime.datetime | Unset): With `include=timestamps`.
    """

    created_at: datetime.datetime
    request_id: str
    method: str
    path: str
    status: int
    id_key: int = 0
    updated_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id_key = self.id_key

        created_at = self.created_at.isoformat()

        request_id = self.request_id

        method = self.method

        path = self.path

        status = self.status

        updated_at: str | Unset = UNSET
        if not isinstance(self.updated_at, Unset):
            updated_at = self.updated_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id_key": id_key,
                "created_at": created_at,
                "request_id": request_id,
                "method": method,
                "path": path,
                "status": status,
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

        request_id = d.pop("request_id")

        method = d.pop("method")

        path = d.pop("path")

        status = d.pop("status")

        _updated_at = d.pop("updated_at", UNSET)
        updated_at: datetime.datetime | Unset
        if isinstance(_updated_at, Unset):
            updated_at = UNSET
        else:
            updated_at = datetime.datetime.fromisoformat(_updated_at)

        exported_audit_entry = cls(
            id_key=id_key,
            created_at=created_at,
            request_id=request_id,
            method=method,
            path=path,
            status=status,
            updated_at=updated_at,
        )

        exported_audit_entry.additional_properties = d
        return exported_audit_entry

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
