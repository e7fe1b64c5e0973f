"""All cached resources. A service names its resource; middleware and invalidation find it here."""

from collections.abc import Mapping

from schemas.category_schema import CategoryFilters
from schemas.product_schema import ProductFilters
from services.caching.entries import CachedResource

PRODUCTS = CachedResource("products", ProductFilters)
CATEGORIES = CachedResource("categories", CategoryFilters, ttl_seconds=3600)

CACHED_RESOURCES: Mapping[str, CachedResource] = {resource.name: resource for resource in (PRODUCTS, CATEGORIES)}
CACHED_TABLES = CACHED_RESOURCES.keys()
"""Changes of other tables, such as clients and orders, leave the cache as it is."""
