"""Products as the items of a batch leave them: items are applied in memory, and then written by a few statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import ValidationError

from repositories.base_repository_impl import Record
from repositories.bulk.product_rows_repository import ProductRowsRepository
from schemas.base_schema import is_storable_key
from schemas.bulk.product_batch_schema import ItemTarget
from schemas.product_schema import MAX_SKU, ProductCreate, ProductSchema, ProductUpdate
from schemas.types.text import normalize
from services.bulk.writing import retried_if_refused, to_text
from services.exceptions import ConflictError, NotFoundError, ServiceError

FIELDS = tuple(ProductSchema.model_fields)
WRITTEN = tuple(ProductCreate.model_fields)


@dataclass(slots=True)
class Draft:
    """A product as the items so far leave it. `stored` are its values in the database; a new one has none."""

    values: Record
    stored: Record | None = None

    def changed(self) -> set[str]:
        """Return the names of the fields that differ from the stored ones."""
        stored = self.stored
        return {name for name in WRITTEN if stored is None or self.values[name] != stored[name]}


class ItemResult(NamedTuple):
    """`draft` is the product that the item changed or created; without one, `problem` is the reason."""

    draft: Draft | None
    is_new: bool = False
    problem: ServiceError | ValidationError | None = None


class Drafts:
    """The products of a batch. Their rows are locked, so what the drafts accept is what the database will accept."""

    def __init__(self, products: ProductRowsRepository, items: Sequence[Any], sku_is_taken: str) -> None:
        self._products, self._sku_is_taken = products, sku_is_taken
        known = [item for item in items if isinstance(item, dict)]
        skus = {normalize(item["sku"]) for item in known if isinstance(item.get("sku"), str)}
        rows = products.lock_known(_keys(known, "id_key"), {sku for sku in skus if _is_storable(sku)}, FIELDS)
        self._categories = products.lock_categories(_keys(known, "category_id"))
        self._by_id = {row["id_key"]: Draft(dict(row), row) for row in rows}
        self._by_sku = {draft.values["sku"]: draft for draft in self._by_id.values() if draft.values["sku"]}
        self._new = list[Draft]()

    def result_of(self, item: Any) -> ItemResult:
        """Apply an item, or return the reason why it changes nothing."""
        try:
            draft = self._find(item)
            if draft is None:
                given = ProductCreate.model_validate(item).model_dump()
            else:
                given = ProductUpdate.model_validate(item).given()
            self._check(draft, given)
        except (ServiceError, ValidationError) as problem:
            return ItemResult(None, problem=problem)
        is_new = draft is None
        if draft is None:
            draft = Draft({})
            self._new.append(draft)
        self._change(draft, given)
        return ItemResult(draft, is_new=is_new)

    def write(self) -> None:
        """Write all changes. Raises RetryError if another transaction has just taken one of the SKUs."""
        changed = [draft for draft in self._by_id.values() if draft.changed()]
        names = tuple(name for name in WRITTEN if any(name in draft.changed() for draft in changed))
        with retried_if_refused():
            if "sku" in names:
                self._products.clear_skus(self._passed_on(changed))
            if changed:
                self._record(self._products.update_all(to_text([draft.values for draft in changed]), names))
            new = [{**draft.values, "line": place} for place, draft in enumerate(self._new)]
            id_keys = self._products.insert_all(to_text(new)) if new else []
        self._products.record_change(*id_keys)
        for draft, id_key in zip(self._new, id_keys, strict=True):
            draft.values["id_key"] = id_key

    def _record(self, stocks: Mapping[int, int]) -> None:
        """Record changed products, given with their stock by key."""
        self._products.record_change(*stocks)
        for id_key, after in stocks.items():
            stored = self._by_id[id_key].stored
            if stored and stored["stock"] != after:
                self._products.record_stock(id_key, int(stored["stock"]), after)

    def _passed_on(self, changed: Sequence[Draft]) -> list[int]:
        """Return the keys of the products whose SKU another product of this batch gets."""
        taken = {draft.values["sku"]: draft for draft in (*changed, *self._new) if draft.values["sku"]}
        before = ((draft, draft.stored["sku"]) for draft in changed if draft.stored)
        return [draft.values["id_key"] for draft, sku in before if taken.get(sku, draft) is not draft]

    def _find(self, item: Any) -> Draft | None:
        """Return the product that the item names, or None if it shall create one. Raises NotFoundError."""
        if not isinstance(item, dict):
            return None
        id_key = ItemTarget.model_validate({"id_key": item.get("id_key")}).id_key
        if id_key is None:
            sku = item.get("sku")
            return self._by_sku.get(normalize(sku)) if isinstance(sku, str) else None
        if id_key not in self._by_id:
            raise NotFoundError("Product", id_key)
        return self._by_id[id_key]

    def _check(self, draft: Draft | None, given: Record) -> None:
        category = given.get("category_id")
        if category is not None and category not in self._categories:
            raise NotFoundError("Category", category)
        if self._by_sku.get(given.get("sku"), draft) is not draft:
            raise ConflictError(self._sku_is_taken)

    def _change(self, draft: Draft, given: Record) -> None:
        before = draft.values.get("sku")
        draft.values.update(given)
        if (after := draft.values.get("sku")) != before:
            self._by_sku.pop(before, None)
            if after:
                self._by_sku[after] = draft


def _keys(items: Sequence[Record], name: str) -> set[int]:
    """Return the values of a reference that a row can have. `True` is no number."""
    return {item[name] for item in items if type(item.get(name)) is int and is_storable_key(item[name])}


def _is_storable(sku: str) -> bool:
    """Return True for a text that a row can have. Others, such as lone surrogates, never reach the database."""
    return len(sku) <= MAX_SKU and "\x00" not in sku and sku.encode(errors="ignore").decode() == sku
