from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.payment_status import PaymentStatus
from ..types import UNSET, Unset

T = TypeVar("T", bound="PaymentSchema")


@_attrs_define
class PaymentSchema:
    """Payment of an order.

    Attributes:
        id_key (int): Set by the server. Default: 0.
        order_id (int): The `id_key` of the order.
        amount (float): The captured amount, once it is captured.
        refunded (float): Money that is paid back.
        status (PaymentStatus):
        provider (str): The payment provider.
        reference (None | str): The provider's id of the payment.
        created_at (datetime.datetime): When it was created, in UTC.
        updated_at (datetime.datetime | Unset): With `include=timestamps`.
    """

    order_id: int
    amount: float
    refunded: float
    status: PaymentStatus
    provider: str
    reference: None | str
    created_at: datetime.datetime
    id_key: int = 0
    updated_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id_key = self.id_key

        order_id = self.order_id

        amount = self.amount

        refunded = self.refunded

        status = self.status.value

        provider = self.provider

        reference: None | str
        reference = self.reference

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
                "amount": amount,
                "refunded": refunded,
                "status": status,
                "provider": provider,
                "reference": reference,
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

        order_id = d.pop("order_id")

        amount = d.pop("amount")

        refunded = d.pop("refunded")

        status = PaymentStatus(d.pop("status"))

        provider = d.pop("provider")

        def _parse_reference(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reference = _parse_reference(d.pop("reference"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        _updated_at = d.pop("updated_at", UNSET)
        updated_at: datetime.datetime | Unset
        if isinstance(_updated_at, Unset):
            updated_at = UNSET
        else:
            updated_at = datetime.datetime.fromisoformat(_updated_at)

        payment_schema = cls(
            id_key=id_key,
            order_id=order_id,
            amount=amount,
            refunded=refunded,
            status=status,
            provider=provider,
            reference=reference,
            created_at=created_at,
            updated_at=updated_at,
        )

        payment_schema.additional_properties = d
        return payment_schema

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
