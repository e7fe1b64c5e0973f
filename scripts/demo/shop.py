"""Contents of the demo shop: a pure function of its size, its seed and the time of its newest orders.

Categories, clients, products, bills and orders are numbered from 0, and amounts are in cents. `rows` turns them
into rows. The first of each are the same in every demo shop, because the examples of the API documentation use them.
"""

from array import array
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from models.enums import DeliveryMethod, OrderStatus, PaymentType
from scripts.demo.words import DEPARTMENTS, STYLES, words

ITEMS = [(item, price) for department in DEPARTMENTS.values() for item, price in department.items()]
ITEMS_PER_DEPARTMENT = len(ITEMS) // len(DEPARTMENTS)
OPEN_FOR = timedelta(days=365)
SETTLED_AFTER = timedelta(days=10)  # all older orders are delivered or canceled
SETTLED = (*[OrderStatus.DELIVERED] * 12, OrderStatus.CANCELED)
RECENT = (*[OrderStatus.PENDING] * 3, *[OrderStatus.IN_PROGRESS] * 4, *[OrderStatus.DELIVERED] * 2)
DELIVERY_METHODS = (*[DeliveryMethod.HOME_DELIVERY] * 5, DeliveryMethod.ON_HAND, DeliveryMethod.DRIVE_THRU)
PAYMENT_TYPES = (*[PaymentType.CARD] * 3, PaymentType.CASH)
FIRST_STATUSES = (OrderStatus.PENDING, OrderStatus.IN_PROGRESS, *[OrderStatus.DELIVERED] * 3)
"""Statuses of the first orders, which have all of FIRST_LINES."""
FIRST_LINES = {0: 1, 2: 2}
"""Quantities by product."""
UNUSED = 1
"""Number of the client without orders and of the product that nobody has bought: both can be deleted."""


class Order(NamedTuple):
    """Order whose number is its index in `Shop.orders`. Its bill has the same number."""

    client: int
    date: datetime
    status: OrderStatus
    delivery_method: DeliveryMethod
    payment_type: PaymentType
    quantities: dict[int, int]  # by product
    discount: int
    total: int


class Shop:
    """Demo shop with consistent figures: totals follow from prices, `held` and `canceled` from the orders.

    It has been open for a year at `now`, and sells more and more.
    """

    def __init__(self, products: int, seed: int, now: datetime) -> None:
        self.seed, self.words, self.now, self.opened = seed, words(seed), now, now - OPEN_FOR
        self.client_count, self.address_count, self.review_count = products // 10, products // 8, products // 4
        self.styles = STYLES[: max(1, products // 10_000)]
        self.categories = [f"{style} {department}" for style in self.styles for department in DEPARTMENTS]
        draw = self.random("products")
        self.items = array("i", draw.choices(range(len(ITEMS)), k=products))
        self.prices = array("q", (int(ITEMS[item][1] * draw.lognormvariate(0, 0.3)) * 100 + 99 for item in self.items))
        draw = self.random("orders")
        self.orders = [self._order(draw, number, date) for number, date in enumerate(self._dates(products // 8))]
        self.held, self.canceled = self._units()

    def random(self, purpose: str) -> Random:
        """Return a generator for one purpose, so that a change of one purpose leaves the others unchanged."""
        return Random(f"{self.seed} {purpose}")  # noqa: S311 # a demo, not a secret

    def popular(self, draw: Random) -> int:
        """Draw a product. A few are bought and reviewed far more often than the others."""
        return _used(int(len(self.items) * draw.random() ** 2))

    def _dates(self, count: int) -> list[datetime]:
        """Return the times of the orders, oldest first: as many of the last month as of the first half year."""
        draw = self.random("dates")
        return sorted(self.now - OPEN_FOR * draw.random() ** 2 for _ in range(count))

    def _order(self, draw: Random, number: int, date: datetime) -> Order:
        lines = draw.choice((1, 1, 2, 2, 3, 4, 5))
        quantities = {self.popular(draw): draw.choice((1, 1, 1, 2, 3)) for _ in range(lines)}
        status = draw.choice(SETTLED if self.now - date > SETTLED_AFTER else RECENT)
        if number < len(FIRST_STATUSES):
            quantities, status = FIRST_LINES, FIRST_STATUSES[number]
        sum_of_lines = sum(self.prices[product] * quantity for product, quantity in quantities.items())
        discount = sum_of_lines * draw.choice((0, 0, 0, 0, 5, 10)) // 100
        return Order(
            client=_used(int(self.client_count * draw.random())) if number else 0,
            date=date,
            status=status,
            delivery_method=draw.choice(DELIVERY_METHODS),
            payment_type=draw.choice(PAYMENT_TYPES),
            quantities=quantities,
            discount=discount,
            total=sum_of_lines - discount,
        )

    def _units(self) -> tuple[list[int], list[int]]:
        """Return for each product the units that orders hold, and the largest quantity in a canceled order."""
        held, canceled = [0] * len(self.items), [0] * len(self.items)
        for order in self.orders:
            for product, quantity in order.quantities.items():
                if order.status is OrderStatus.CANCELED:
                    canceled[product] = max(canceled[product], quantity)
                else:
                    held[product] += quantity
        return held, canceled


def _used(number: int) -> int:
    return 0 if number == UNUSED else number
