"""What a sale has to agree with: the product's price, exact to the cent, and its stock."""

from decimal import Decimal

from models.product import ProductModel
from services.exceptions import RejectedError


def check_price(product: ProductModel, offered: Decimal | None) -> None:
    """Raises RejectedError unless nothing, or the product's price, is offered."""
    if offered is not None and offered != product.price:
        raise RejectedError(f"Price mismatch. Expected {product.price:.2f}, got {offered:.2f}")


def shortage(product: ProductModel, quantity: int) -> str:
    """What to say when the product has less than the quantity."""
    return f"Insufficient stock for product {product.id_key}. Requested: {quantity}, Available: {product.stock}"
