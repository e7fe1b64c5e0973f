from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.stock_reason import StockReason
from ..types import UNSET, Unset

T = TypeVar("T", bound="StockMovementSchema")


@_attrs_define
class StockMovementSchema:
    """Change of a product's stock.

    Attributes:
        id_key (int): Set by the server. Default: 0.
        product_id (int): The `id_key` of the product.
        quantity (int): Positive: units were added. Negative: units were taken. Never 0.
        stock_after (int): The stock after this movement.
        reason (StockReason): Reason of a stock movement.
        order_detail_id (int | None): The order detail that sold or restored the units.
        note (None | str): A note for people.
        created_at (datetime.datetime): When it was created, in UTC.
        updated_at (datetime.datetime | Unset): With `include=timestamps`.
    """

    product_id: int
    quantity: int
    stock_after: int
    reason: StockReason
    order_detail_id: int | None
    note: None | str
    created_at: datetime.datetime
    id_key: int = 0
    updated_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id_key = self.id_key

        product_id = self.product_id

        quantity = self.quantity

        stock_after = self.stock_after

        reason = self.reason.value

        order_detail_id: int | None
        order_detail_id = self.order_detail_id

        note: None | str
        note = self.note

        created_at = self.created_at.isoformat()

        updated_at: str | Unset = UNSET
        if not isinstance(self.updated_at, Unset):
            updated_at = self.updated_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id_key": id_key,
                "product_id": product_id,
                "quantity": quantity,
                "stock_after": stock_after,
                "reason": reason,
                "order_detail_id": order_detail_id,
                "note": note,
                "created_at": created_at,
            }
        )
        if updated_at is not UNSET:
            field_dict["updated_at"] = updated_at

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        id_key = d.pop("id_key")

        product_id = d.pop("product_id")

        quantity = d.pop("quantity")

        stock_after = d.pop("stock_after")

        reason = StockReason(d.pop("reason"))

        def _parse_order_detail_id(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        order_detail_id = _parse_order_detail_id(d.pop("order_detail_id"))

        def _parse_note(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        note = _parse_note(d.pop("note"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        _updated_at = d.pop("updated_at", UNSET)
        updated_at: datetime.datetime | Unset
        if isinstance(_updated_at, Unset):
            updated_at = UNSET
        else:
            updated_at = datetime.datetime.fromisoformat(_updated_at)

        stock_movement_schema = cls(
            id_key=id_key,
            product_id=product_id,
            quantity=quantity,
            stock_after=stock_after,
            reason=reason,
            order_detail_id=order_detail_id,
            note=note,
            created_at=created_at,
            updated_at=updated_at,
        )

        stock_movement_schema.additional_properties = d
        return stock_movement_schema

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
