from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.return_status import ReturnStatus

if TYPE_CHECKING:
    from ..models.exported_credit_note import ExportedCreditNote
    from ..models.order_line import OrderLine


T = TypeVar("T", bound="ExportedReturn")


@_attrs_define
class ExportedReturn:
    """
    Attributes:
        id_key (int): Set by the server. Default: 0.
        order_id (int): The `id_key` of the order.
        status (ReturnStatus):
        reason (str): Why the stock changed, or why the products come back.
        lines (list[OrderLine]): Units of order details.
        amount (float): Sum of price times quantity, less its share of the discount.
        created_at (datetime.datetime): When it was created, in UTC.
        updated_at (datetime.datetime): When it last changed, in UTC.
        credit_note (ExportedCreditNote | None): The credit note of the return. Null before the refund.
    """

    order_id: int
    status: ReturnStatus
    reason: str
    lines: list[OrderLine]
    amount: float
    created_at: datetime.datetime
    updated_at: datetime.datetime
    credit_note: ExportedCreditNote | None
    id_key: int = 0
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.exported_credit_note import ExportedCreditNote

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

        updated_at = self.updated_at.isoformat()

        credit_note: dict[str, Any] | None
        if isinstance(self.credit_note, ExportedCreditNote):
            credit_note = self.credit_note.to_dict()
        else:
            credit_note = self.credit_note

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
                "updated_at": updated_at,
                "credit_note": credit_note,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.exported_credit_note import ExportedCreditNote
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

        updated_at = datetime.datetime.fromisoformat(d.pop("updated_at"))

        def _parse_credit_note(data: object) -> ExportedCreditNote | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                credit_note_type_0 = ExportedCreditNote.from_dict(data)

                return credit_note_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ExportedCreditNote | None, data)

        credit_note = _parse_credit_note(d.pop("credit_note"))

        exported_return = cls(
            id_key=id_key,
            order_id=order_id,
            status=status,
            reason=reason,
            lines=lines,
            amount=amount,
            created_at=created_at,
            updated_at=updated_at,
            credit_note=credit_note,
        )

        exported_return.additional_properties = d
        return exported_return

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
