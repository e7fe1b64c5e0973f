"""Lines of shipments and returns."""

from typing import Annotated

from pydantic import Field

from schemas.base_schema import BaseSchema, IdKey, Quantity


class OrderLine(BaseSchema):
    """Units of an order detail."""

    order_detail_id: IdKey
    quantity: Quantity


Lines = Annotated[list[OrderLine], Field(min_length=1, max_length=1000)]
