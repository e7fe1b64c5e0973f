from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.return_status import ReturnStatus
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.order_line import OrderLine


T = TypeVar("T", bound="ReturnSchema")


@_attrs_define
class ReturnSchema:
    """Return of a delivered order.

    Attributes:
        id_key (int): Set by the server. Default: 0.
        order_id (int): The `id_key` of the order.
        status (ReturnStatus):
        reason (str): Why the stock changed, or why the products come back.
        lines (list[OrderLine]): Units of order details.
        amount (float): Sum of price times quantity, less its share of the discount.
        created_at (datetime.datetime): When it was created, in UTC.
        updated_at (datetime.datetime | Unset): With `include=timestamps`.
    """

    order_id: int
    status: ReturnStatus
    reason: str
    lines: list[OrderLine]
    amount: float
    created_at: datetime.datetime
    id_key: int = 0
    updated_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id_key = self.id_key

        order_id = self.order_id

        status = self.status.value

        reason = self.reason

        lines = []
        for lines_item_data in self.lines:
            lines_item = lines_item_data.to_dict()
            lines.append(lines_item)

        amount = self.amount

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
                "status": status,
                "reason": reason,
                "lines": lines,
                "amount": amount,
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

        status = ReturnStatus(d.pop("status"))

        reason = d.pop("reason")

        lines = []
        _lines = d.pop("lines")
        for lines_item_data in _lines:
            lines_item = OrderLine.from_dict(lines_item_data)

            lines.append(lines_item)

        amount = d.pop("amount")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        _updated_at = d.pop("updated_at", UNSET)
        updated_at: datetime.datetime | Unset
        if isinstance(_updated_at, Unset):
            updated_at = UNSET
        else:
            updated_at = datetime.datetime.fromisoformat(_updated_at)

        return_schema = cls(
            id_key=id_key,
            order_id=order_id,
            status=status,
            reason=reason,
            lines=lines,
            amount=amount,
            created_at=created_at,
            updated_at=updated_at,
        )

        return_schema.additional_properties = d
        return return_schema

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
