"""All cached resources. A service names its resource; middleware and invalidation find it here."""

from collections.abc import Mapping

from schemas.category_schema import CategoryFilters
from schemas.product_schema import ProductFilters
from services.caching.keys import CachedResource

PRODUCTS = CachedResource("products", ProductFilters)
CATEGORIES = CachedResource("categories", CategoryFilters, ttl_seconds=3600)

CACHED_RESOURCES: Mapping[str, CachedResource] = {resource.name: resource for resource in (PRODUCTS, CATEGORIES)}


def stale_stamp_keys(changed_rows: Mapping[str, set[int]]) -> list[str]:
    """Return the keys of the stamps to drop after these rows, by table, have changed."""
    return [
        key
        for table in changed_rows.keys() & CACHED_RESOURCES.keys()
        for key in CACHED_RESOURCES[table].stamp_keys(changed_rows[table])
    ]
