"""Rows of the demo shop, table by table, in the order of their foreign keys."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import count
from typing import NamedTuple

from models.enums import OrderStatus, PaymentType, StockReason
from scripts.demo.shop import ITEMS, ITEMS_PER_DEPARTMENT, Shop
from scripts.demo.words import COLOURS, DEPARTMENTS, ENDINGS, REMARKS

BILL_NUMBER = "DEMO-{:07d}"
SKU = "DEMO-{}-{:07d}"
DEPARTMENT_CODES = [name[:3].upper() for name in DEPARTMENTS]
FIRST_STOCK = 50
RATINGS = (1, 2, 3, 3, 4, 4, 4, 5, 5, 5, 5)
STATUS_HISTORIES = {
    OrderStatus.PENDING: (OrderStatus.PENDING,),
    OrderStatus.IN_PROGRESS: (OrderStatus.PENDING, OrderStatus.IN_PROGRESS),
    OrderStatus.DELIVERED: (OrderStatus.PENDING, OrderStatus.IN_PROGRESS, OrderStatus.DELIVERED),
    OrderStatus.CANCELED: (OrderStatus.PENDING, OrderStatus.CANCELED),
}

Rows = Iterator[tuple[object, ...]]


class Keys(NamedTuple):
    """Keys of the categories with products, and the first keys of the other tables. The others follow in order.

    The first bill belongs to no order, so it is free for an example.
    """

    categories: Sequence[int]
    clients: int
    products: int
    bills: int
    orders: int
    order_details: int


class Table(NamedTuple):
    """Table with its number of rows and an iterator over them."""

    name: str
    columns: str
    size: int
    rows: Rows


def tables(shop: Shop, keys: Keys) -> list[Table]:
    """Return all tables except categories, in the order in which to load them."""
    ordered, sold = len(shop.orders), sum(len(order.quantities) for order in shop.orders)
    changes = sum(len(STATUS_HISTORIES[order.status]) for order in shop.orders)
    order_columns = "id_key, date, total, delivery_method, status, client_id, bill_id, checkout_lines"
    bill_columns = "id_key, bill_number, discount, date, total, payment_type"
    product_columns = "id_key, name, price, stock, category_id, sku"
    movement_columns = "product_id, quantity, stock_after, reason, order_detail_id, created_at"
    return [
        Table("clients", "id_key, name, lastname, email, telephone", shop.client_count, clients(shop, keys)),
        Table("addresses", "street, number, city, client_id", shop.address_count, addresses(shop, keys)),
        Table("products", product_columns, len(shop.items), products(shop, keys)),
        Table("bills", bill_columns, ordered + 1, bills(shop, keys)),
        Table("orders", order_columns, ordered, orders(shop, keys)),
        Table("order_status_changes", "order_id, from_status, to_status, changed_at", changes, history(shop, keys)),
        Table("order_details", "id_key, quantity, price, order_id, product_id", sold, order_details(shop, keys)),
        Table("stock_movements", movement_columns, movement_count(shop), stock_movements(shop, keys)),
        Table("reviews", "rating, comment, product_id", shop.review_count, reviews(shop, keys)),
    ]


def clients(shop: Shop, keys: Keys) -> Rows:
    draw, words = shop.random("clients"), shop.words
    for number in range(shop.client_count):
        name, lastname = draw.choice(words.first_names), draw.choice(words.last_names)
        email = f"{name}.{lastname}.{number}@demo.example.com".lower()
        telephone = f"+1555{draw.randrange(10**7):07d}" if draw.random() < 0.85 else None
        yield keys.clients + number, name, lastname, email, telephone


def addresses(shop: Shop, keys: Keys) -> Rows:
    draw, words = shop.random("addresses"), shop.words
    for number in range(shop.address_count):
        client = keys.clients + number % shop.client_count
        yield draw.choice(words.streets), draw.randrange(1, 400), draw.choice(words.cities), client


def products(shop: Shop, keys: Keys) -> Rows:
    draw, size = shop.random("stock"), len(shop.items)
    makers, models = draw.choices(shop.words.last_names, k=size), draw.choices(range(100, 1000), k=size)
    colours, styles = draw.choices(COLOURS, k=size), draw.choices(range(len(shop.styles)), k=size)
    for number, (item, price, stock) in enumerate(zip(shop.items, shop.prices, stocks(shop), strict=True)):
        name = f"{makers[number]} {ITEMS[item][0]} {models[number]}, {colours[number]}"
        shelf = styles[number] * len(DEPARTMENTS) + item // ITEMS_PER_DEPARTMENT
        sku = SKU.format(DEPARTMENT_CODES[item // ITEMS_PER_DEPARTMENT], number)
        yield keys.products + number, name, money(price), stock, keys.categories[shelf], sku


def bills(shop: Shop, keys: Keys) -> Rows:
    yield keys.bills, BILL_NUMBER.format(0), 0, shop.now.date(), money(15050), PaymentType.CASH
    for number, order in enumerate(shop.orders, 1):
        bill_number, discount, total = BILL_NUMBER.format(number), money(order.discount), money(order.total)
        yield keys.bills + number, bill_number, discount, order.date.date(), total, order.payment_type


def orders(shop: Shop, keys: Keys) -> Rows:
    for number, order in enumerate(shop.orders):
        refers_to = keys.clients + order.client, keys.bills + 1 + number
        choices = order.delivery_method, order.status
        yield keys.orders + number, order.date, money(order.total), *choices, *refers_to, len(order.quantities)


def history(shop: Shop, keys: Keys) -> Rows:
    draw = shop.random("status changes")
    for number, order in enumerate(shop.orders):
        before, at = None, order.date
        for status in STATUS_HISTORIES[order.status]:
            yield keys.orders + number, before, status, at
            before, at = status, at + min(timedelta(minutes=draw.randrange(30, 3000)), (shop.now - at) / 2)


def order_details(shop: Shop, keys: Keys) -> Rows:
    detail = count(keys.order_details)
    for number, order in enumerate(shop.orders):
        for product, quantity in order.quantities.items():
            yield next(detail), quantity, money(shop.prices[product]), keys.orders + number, keys.products + product


def stocks(shop: Shop) -> list[int]:
    drawn = shop.random("units").choices((0, *range(1, 6), *range(20, 80)), k=len(shop.items))
    return [FIRST_STOCK, *drawn[1:]]


def stock_movements(shop: Shop, keys: Keys) -> Rows:
    """Yield the sales and their reversals between an initial stock and a count that finds the present one."""
    detail = count(keys.order_details)
    stock = list(map(sum, zip(stocks(shop), shop.held, shop.canceled, strict=True)))
    for product, units in enumerate(stock):
        if units:
            yield keys.products + product, units, units, StockReason.INITIAL, None, shop.opened
    for order in shop.orders:
        for product, quantity in order.quantities.items():
            key, sold = next(detail), stock[product] - quantity
            yield keys.products + product, -quantity, sold, StockReason.SOLD, key, order.date
            if order.status is OrderStatus.CANCELED:
                yield keys.products + product, quantity, stock[product], StockReason.RESTORED, key, order.date
            else:
                stock[product] = sold
    for product, missing in enumerate(shop.canceled):
        if missing:
            left = stock[product] - missing
            yield keys.products + product, -missing, left, StockReason.COUNTED, None, shop.now


def movement_count(shop: Shop) -> int:
    stocked = sum(map(any, zip(stocks(shop), shop.held, shop.canceled, strict=True)))
    sales = sum(len(order.quantities) * (1 + (order.status is OrderStatus.CANCELED)) for order in shop.orders)
    return stocked + sales + sum(map(bool, shop.canceled))


def reviews(shop: Shop, keys: Keys) -> Rows:
    draw = shop.random("reviews")
    for _ in range(shop.review_count):
        rating = draw.choice(RATINGS)
        comment = draw.choice(REMARKS[rating]) + draw.choice(ENDINGS) if draw.random() < 0.7 else None
        yield rating, comment, keys.products + shop.popular(draw)


def money(cents: int) -> str:
    """Format an amount in cents for NUMERIC(12,2)."""
    return f"{cents // 100}.{cents % 100:02d}"
