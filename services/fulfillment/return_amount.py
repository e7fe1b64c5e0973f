"""The amount of a return: its share of what was paid for the order, exact to the cent over all its returns."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

from repositories.fulfillment.return_repository import DeliveredDetail

CENT = Decimal("0.01")


def return_amount(
    units: Mapping[int, int], details: Sequence[DeliveredDetail], discount: Decimal, returned: Decimal
) -> Decimal:
    """Return the sum of price times quantity less its share of the discount.

    `returned` is the amount of the other returns. The return of the last units takes what is left, so all returns of an
    order add up to the sum of its details less the discount.
    """
    total = sum((detail.price * detail.quantity for detail in details), Decimal(0))
    discount = min(discount, total)  # the totals of a plain order are free
    left = total - discount - returned
    if all(units.get(detail.id_key, 0) == detail.left for detail in details):
        return left
    value = sum((detail.price * units.get(detail.id_key, 0) for detail in details), Decimal(0))
    share = (discount * value / total).quantize(CENT, ROUND_HALF_UP)
    return min(value - share, left)
