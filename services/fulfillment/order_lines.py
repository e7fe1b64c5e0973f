"""Lines of a shipment or a return: units of the order's details, as many as are left of them."""

from collections import Counter
from collections.abc import Mapping, Sequence

from models.order_detail import OrderDetailModel
from schemas.fulfillment.order_line import OrderLine
from services.exceptions import ConflictError, NotFoundError


def units_by_detail(lines: Sequence[OrderLine], left: Mapping[int, int], use: str) -> dict[int, int]:
    """Return the units of each detail, in the order of their keys. Lines of one detail are added up.

    Raises NotFoundError for a detail that is not in `left`, and ConflictError for more units than are left of it.
    """
    units = Counter[int]()
    for line in lines:
        if line.order_detail_id not in left:
            raise NotFoundError(OrderDetailModel.entity_name(), line.order_detail_id)
        units[line.order_detail_id] += line.quantity
    for detail, wanted in units.items():
        if wanted > left[detail]:
            raise ConflictError(f"Order detail {detail} has {left[detail]} units left to {use}, not {wanted}")
    return dict(sorted(units.items()))
