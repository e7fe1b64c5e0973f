from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ClientSummaryWithPayments")


@_attrs_define
class ClientSummaryWithPayments:
    """Summary with the payments of all orders.

    Attributes:
        client_id (int): The `id_key` of the client.
        orders_count (int): Number of orders.
        total_spent (float): Exact up to 15 digits.
        last_order_date (datetime.datetime | None): When the last order was placed. Null without an order.
        captured (float): Money that is paid.
        refunded (float): Money that is paid back.
    """

    client_id: int
    orders_count: int
    total_spent: float
    last_order_date: datetime.datetime | None
    captured: float
    refunded: float
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        client_id = self.client_id

        orders_count = self.orders_count

        total_spent = self.total_spent

        last_order_date: None | str
        if isinstance(self.last_order_date, datetime.datetime):
            last_order_date = self.last_order_date.isoformat()
        else:
            last_order_date = self.last_order_date

        captured = self.captured

        refunded = self.refunded

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "client_id": client_id,
                "orders_count": orders_count,
                "total_spent": total_spent,
                "last_order_date": last_order_date,
                "captured": captured,
                "refunded": refunded,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        client_id = d.pop("client_id")

        orders_count = d.pop("orders_count")

        total_spent = d.pop("total_spent")

        def _parse_last_order_date(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                last_order_date_type_0 = datetime.datetime.fromisoformat(data)

                return last_order_date_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        last_order_date = _parse_last_order_date(d.pop("last_order_date"))

        captured = d.pop("captured")

        refunded = d.pop("refunded")

        client_summary_with_payments = cls(
            client_id=client_id,
            orders_count=orders_count,
            total_spent=total_spent,
            last_order_date=last_order_date,
            captured=captured,
            refunded=refunded,
        )

        client_summary_with_payments.additional_properties = d
        return client_summary_with_payments

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
