from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="ProductSchema")


@_attrs_define
class ProductSchema:
    """Stored product. Restored units may lift the stock above the bound for input.

    Attributes:
        id_key (int): Set by the server. Default: 0.
        name (str): The name.
        price (float): The price of one unit.
        stock (int): Units that can be sold.
        category_id (int): The `id_key` of the product's category.
        sku (None | str | Unset): Stock keeping unit: the shop's own number of the product, unique.
        archived (bool | Unset): Only in archived products, which cannot be bought. Default: False.
        created_at (datetime.datetime | Unset): With `include=timestamps`.
        updated_at (datetime.datetime | Unset): With `include=timestamps`.
    """

    name: str
    price: float
    stock: int
    category_id: int
    id_key: int = 0
    sku: None | str | Unset = UNSET
    archived: bool | Unset = False
    created_at: datetime.datetime | Unset = UNSET
    updated_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id_key = self.id_key

        name = self.name

        price = self.price

        stock = self.stock

        category_id = self.category_id

        sku: None | str | Unset
        if isinstance(self.sku, Unset):
            sku = UNSET
        else:
            sku = self.sku

        archived = self.archived

        created_at: str | Unset = UNSET
        if not isinstance(self.created_at, Unset):
            created_at = self.created_at.isoformat()

        updated_at: str | Unset = UNSET
        if not isinstance(self.updated_at, Unset):
            updated_at = self.updated_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id_key": id_key,
                "name": name,
                "price": price,
                "stock": stock,
                "category_id": category_id,
            }
        )
        if sku is not UNSET:
            field_dict["sku"] = sku
        if archived is not UNSET:
            field_dict["archived"] = archived
        if created_at is not UNSET:
            field_dict["created_at"] = created_at
        if updated_at is not UNSET:
            field_dict["updated_at"] = updated_at

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        id_key = d.pop("id_key")

        name = d.pop("name")

        price = d.pop("price")

        stock = d.pop("stock")

        category_id = d.pop("category_id")

        def _parse_sku(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        sku = _parse_sku(d.pop("sku", UNSET))

        archived = d.pop("archived", UNSET)

        _created_at = d.pop("created_at", UNSET)
        created_at: datetime.datetime | Unset
        if isinstance(_created_at, Unset):
            created_at = UNSET
        else:
            created_at = datetime.datetime.fromisoformat(_created_at)

        _updated_at = d.pop("updated_at", UNSET)
        updated_at: datetime.datetime | Unset
        if isinstance(_updated_at, Unset):
            updated_at = UNSET
        else:
            updated_at = datetime.datetime.fromisoformat(_updated_at)

        product_schema = cls(
            id_key=id_key,
            name=name,
            price=price,
            stock=stock,
            category_id=category_id,
            sku=sku,
            archived=archived,
            created_at=created_at,
            updated_at=updated_at,
        )

        product_schema.additional_properties = d
        return product_schema

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
