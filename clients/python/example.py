"""List, create, retry and change safely: `python example.py http://127.0.0.1:8000 [API_KEY]`, in a demo shop."""

import sys

from ecommerce_client import PreconditionFailedError, change, connect, expect, pages
from ecommerce_client.generated.api.categories import categories_create
from ecommerce_client.generated.api.products import products_get, products_list, products_update
from ecommerce_client.generated.models import CategoryCreate, CategorySchema, ProductSchema, ProductUpdate

with connect(*sys.argv[1:3]) as shop:
    lamps = list(pages(ProductSchema, products_list.sync_detailed, client=shop, q="lamp"))
    new, key = CategoryCreate(name="Lamps"), "the same key for the same category"
    made = [categories_create.sync_detailed(client=shop, body=new, idempotency_key=key) for _ in range(2)]
    category, repeated = (expect(CategorySchema, answer) for answer in made)
    update = ProductUpdate(category_id=category.id_key)
    try:
        expect(ProductSchema, products_update.sync_detailed(1, client=shop, body=update, if_match='"outdated"'))
    except PreconditionFailedError:
        change(
            ProductSchema, products_get.sync_detailed, products_update.sync_detailed, 1, lambda _: update, client=shop
        )
    print(f"{len(lamps)} lamps, one new category: {category == repeated}")
