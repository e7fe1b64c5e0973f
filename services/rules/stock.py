"""Stock and price rules of a sale: the exact price, enough stock, and a warning when little is left."""

import logging
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

from models.product import ProductModel
from services.exceptions import ConflictError, RejectedError

logger = logging.getLogger(__name__)


def check_not_archived(product: ProductModel) -> None:
    """Raise ConflictError for an archived product: it cannot be bought."""
    if product.archived:
        raise ConflictError(f"Product {product.id_key} is archived")


def check_price(product: ProductModel, offered: Decimal | None) -> None:
    """Raise RejectedError if a price is offered that is not the product's, to the cent, and log it."""
    if offered is not None and offered != product.price:
        logger.warning("Price mismatch for product %d: offered=%s, product=%s", product.id_key, offered, product.price)
        raise RejectedError(f"Price mismatch. Expected {product.price:.2f}, got {offered:.2f}")


def refuse_shortage(product: ProductModel, quantity: int, **extra: Any) -> NoReturn:
    """Raise RejectedError for a product with less stock than `quantity`, and log it. The body contains `extra`."""
    message = f"Insufficient stock for product {product.id_key}. Requested: {quantity}, Available: {product.stock}"
    logger.warning(message)
    raise RejectedError(message, **extra)


def warn_of_low_stock(moved: Mapping[int, tuple[int, int]], threshold: int) -> None:
    """Log each product whose stock, given as (before, after), fell to the threshold or below."""
    for id_key, (before, after) in moved.items():
        if after <= threshold < before:
            logger.warning("low stock: product %d has %d left", id_key, after)
