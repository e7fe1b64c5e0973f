"""Texts of `/openapi.json` that many operations share: the introduction, and fields and parameters by their name."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

INTRODUCTION = """
Clients, products, orders, stock and bills of a shop. Stock is never oversold, an order is complete or absent, and no
retry buys twice.

**Lists** return an array. `limit` is the size of a page. `after_id` is the last `id_key` that you have: it reads the
next page at the same cost however deep it is, and the `Link` header contains its address. `skip` counts rows instead.
`count=true` adds `X-Total-Count`.

**Errors** are JSON: `{"message": …}` with 404 for an object that does not exist, `{"detail": …}` otherwise. With 422,
`detail` lists each wrong field. 400 and 409 name the rule of the shop that forbids the request.

**Retries.** Send a new `Idempotency-Key` with each creation. A repeat with the same key returns the first response and
creates nothing, for 24 hours.

**Changes.** A read returns an `ETag`. Send it as `If-Match` with a change: if somebody else has changed the object
since, the response is 412 and nothing happens. Send it as `If-None-Match` with a read: the response is 304 without a
body if nothing has changed. `PUT` and `PATCH` both leave fields alone that the body does not contain.

**Credentials.** If the service requires them, send an API key as `X-API-Key` or a token as `Authorization: Bearer`.
Clients see their own data only.

**Limits.** `X-RateLimit-Remaining` counts down. After 429, wait as long as `Retry-After` says.

Every `GET` also answers `HEAD`: the same status and headers, no body.
"""

FIELDS: Mapping[str, str] = {
    "address_id": "The `id_key` of one of the client's addresses. The order keeps a copy.",
    "addresses": "The client's addresses.",
    "amount": "The amount of money.",
    "api_keys": "The client's API keys, without their secrets.",
    "attempts": "How often the delivery was tried.",
    "available": "Units in stock.",
    "bill": "The bill of the order.",
    "bill_id": "The `id_key` of the bill. A bill belongs to the orders of one client.",
    "bill_number": "The number printed on the bill. Unique.",
    "cache": "Reads that the cache answered, and others, since the start.",
    "captured": "Money that is paid.",
    "carrier": "The company that transports the shipment.",
    "category_id": "The `id_key` of the product's category.",
    "changed_at": "When the status changed, in UTC.",
    "checked_in": "Idle connections.",
    "checked_out": "Connections in use.",
    "checks": "The state of each part.",
    "city": "The city. As a filter: exactly this one.",
    "client": "The client itself.",
    "client_id": "The `id_key` of the client.",
    "comment": "Free text.",
    "created_at": "When it was created, in UTC.",
    "credit_note": "The credit note of the return. Null before the refund.",
    "database": "PostgreSQL.",
    "date": "The date.",
    "date_from": "Only objects of this date or later.",
    "date_to": "Only objects of this date or earlier.",
    "db_pool": "The pool of database connections that is used most.",
    "delivery_method": "How the goods reach the client: 1 DRIVE_THRU, 2 ON_HAND, 3 HOME_DELIVERY.",
    "description": "A note for people.",
    "detail": "The reason, for people.",
    "discount": "Money taken off the sum of the details.",
    "email": "The e-mail address. Unique, whatever its letter case.",
    "enabled": "`false`: no events are delivered.",
    "endpoint_id": "The `id_key` of the webhook endpoint.",
    "errors": "What is wrong, one by one.",
    "event_id": "The `id_key` of the event.",
    "events": "The events of the shipment.",
    "expires_at": "When it stops being valid.",
    "hit_rate_percent": "Share of reads that the cache answered.",
    "hits": "Reads that the cache answered.",
    "in_stock": "`true`: only products with stock. `false`: only those without.",
    "items": "The lines of the order.",
    "last_attempt_at": "When the delivery was last tried, in UTC.",
    "last_order_date": "When the last order was placed. Null without an order.",
    "last_used_at": "When it was last used, in UTC.",
    "lastname": "The family name.",
    "lines": "Units of order details.",
    "loc": "The place of the wrong value: `body`, `query`, `path` or `header`, then the names of the fields.",
    "location": "The place of the event.",
    "max_price": "Only products that cost this or less.",
    "max_rating": "Only reviews with this rating or a lower one.",
    "message": "The object that does not exist.",
    "method": "The HTTP method.",
    "min_price": "Only products that cost this or more.",
    "min_rating": "Only reviews with this rating or a higher one.",
    "misses": "Reads that the cache did not answer.",
    "msg": "The reason, for people.",
    "name": "The name.",
    "networks": "Client addresses that may use the key. Null: all.",
    "note": "A note for people.",
    "number": "The house number.",
    "occurred_at": "When it happened, in UTC.",
    "order": "The order itself.",
    "order_detail_id": "The `id_key` of the order detail.",
    "order_details": "The lines of the order.",
    "order_id": "The `id_key` of the order.",
    "orders": "The client's orders.",
    "orders_count": "Number of orders.",
    "overflow": "Connections beyond the size of the pool.",
    "path": "The path of the request.",
    "payment_type": "How the bill is paid.",
    "payments": "The payments of the order.",
    "price": "The price of one unit.",
    "principal": "The caller.",
    "product_id": "The `id_key` of the product.",
    "provider": "The payment provider.",
    "q": "Words that must all occur. Letter case and accents do not matter.",
    "quantity": "Number of units.",
    "rating": "From 0 to 5.",
    "reason": "Why the stock changed, or why the products come back.",
    "redis": "Redis.",
    "refunded": "Money that is paid back.",
    "request_id": "The service's own id of the request. Log lines contain it.",
    "requested": "Units that the order wants.",
    "return_id": "The `id_key` of the return.",
    "returns": "The returns of the order.",
    "review_count": "Number of reviews.",
    "revoked": "`true`: only deleted keys. Default: only others.",
    "revoked_at": "When it was deleted.",
    "role": "What the key may do: everything, or what one client may.",
    "scopes": "What the key is restricted to. Null: nothing.",
    "shipment_id": "The `id_key` of the shipment.",
    "shipments": "The shipments of the order.",
    "shipping_address": "The address that the order is sent to.",
    "size": "Connections that the pool keeps.",
    "sku": "The shop's own number of the product. Unique.",
    "sort": "The order of the list. A minus sign reverses it.",
    "status": "The state.",
    "stock": "Units that can be sold.",
    "stock_after": "The stock after this movement.",
    "street": "The street. As a filter: exactly this one.",
    "Stripe-Signature": "Stripe's signature of the body.",
    "telephone": "The telephone number in international form.",
    "timestamp": "When the health was checked.",
    "to_status": "The status since then.",
    "total": "The sum of the details, less the discount.",
    "total_capacity": "Connections that the pool may have.",
    "tracking_number": "The carrier's number of the shipment.",
    "type": "The kind, for programs.",
    "updated_at": "When it last changed, in UTC.",
    "utilization_percent": "Share of the connections that are in use.",
}
"""Descriptions of fields and parameters that have none of their own."""


def add_texts(document: Json) -> None:
    """Describe parameters and fields that say nothing about themselves."""
    for methods in document["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                describe(parameter["name"], parameter)
    for schema in document["components"]["schemas"].values():
        for name, field in schema.get("properties", {}).items():
            describe(name, field)


def describe(name: str, item: Json) -> None:
    if name in FIELDS:
        item.setdefault("description", FIELDS[name])
