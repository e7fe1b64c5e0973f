from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.exported_address import ExportedAddress
    from ..models.exported_api_key import ExportedApiKey
    from ..models.exported_audit_entry import ExportedAuditEntry
    from ..models.exported_client import ExportedClient
    from ..models.exported_order import ExportedOrder
    from ..models.exported_review import ExportedReview


T = TypeVar("T", bound="ClientExport")


@_attrs_define
class ClientExport:
    """Everything that is stored about a client, as it was at one moment. Lists are in the order of their keys.

    Attributes:
        client (ExportedClient):
        api_keys (list[ExportedApiKey]): The client's API keys, without their secrets.
        addresses (list[ExportedAddress]): The client's addresses.
        orders (list[ExportedOrder]): The client's orders.
        reviews (list[ExportedReview]): Reviews that the client wrote with credentials of its own.
        audit (list[ExportedAuditEntry]): Changes of the client itself, and its own changes and refused requests.
    """

    client: ExportedClient
    api_keys: list[ExportedApiKey]
    addresses: list[ExportedAddress]
    orders: list[ExportedOrder]
    reviews: list[ExportedReview]
    audit: list[ExportedAuditEntry]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        client = self.client.to_dict()

        api_keys = []
        for api_keys_item_data in self.api_keys:
            api_keys_item = api_keys_item_data.to_dict()
            api_keys.append(api_keys_item)

        addresses = []
        for addresses_item_data in self.addresses:
            addresses_item = addresses_item_data.to_dict()
            addresses.append(addresses_item)

        orders = []
        for orders_item_data in self.orders:
            orders_item = orders_item_data.to_dict()
            orders.append(orders_item)

        reviews = []
        for reviews_item_data in self.reviews:
            reviews_item = reviews_item_data.to_dict()
            reviews.append(reviews_item)

        audit = []
        for audit_item_data in self.audit:
            audit_item = audit_item_data.to_dict()
            audit.append(audit_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "client": client,
                "api_keys": api_keys,
                "addresses": addresses,
                "orders": orders,
                "reviews": reviews,
                "audit": audit,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.exported_address import ExportedAddress
        from ..models.exported_api_key import ExportedApiKey
        from ..models.exported_audit_entry import ExportedAuditEntry
        from ..models.exported_client import ExportedClient
        from ..models.exported_order import ExportedOrder
        from ..models.exported_review import ExportedReview

        d = dict(src_dict)
        client = ExportedClient.from_dict(d.pop("client"))

        api_keys = []
        _api_keys = d.pop("api_keys")
        for api_keys_item_data in _api_keys:
            api_keys_item = ExportedApiKey.from_dict(api_keys_item_data)

            api_keys.append(api_keys_item)

        addresses = []
        _addresses = d.pop("addresses")
        for addresses_item_data in _addresses:
            addresses_item = ExportedAddress.from_dict(addresses_item_data)

            addresses.append(addresses_item)

        orders = []
        _orders = d.pop("orders")
        for orders_item_data in _orders:
            orders_item = ExportedOrder.from_dict(orders_item_data)

            orders.append(orders_item)

        reviews = []
        _reviews = d.pop("reviews")
        for reviews_item_data in _reviews:
            reviews_item = ExportedReview.from_dict(reviews_item_data)

            reviews.append(reviews_item)

        audit = []
        _audit = d.pop("audit")
        for audit_item_data in _audit:
            audit_item = ExportedAuditEntry.from_dict(audit_item_data)

            audit.append(audit_item)

        client_export = cls(
            client=client,
            api_keys=api_keys,
            addresses=addresses,
            orders=orders,
            reviews=reviews,
            audit=audit,
        )

        client_export.additional_properties = d
        return client_export

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
