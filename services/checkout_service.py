"""A whole order in one transaction: bill, order, details and stock, or nothing of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from models.product import ProductModel
from repositories.base_repository_impl import Values
from repositories.checkout_repository import BILL_FIELDS, DETAIL_FIELDS, CheckoutRepository
from repositories.client_repository import ClientRepository
from repositories.idempotency_repository import RequestKey
from repositories.product_repository import ProductRepository
from schemas.base_schema import MAX_MONEY, to_json
from schemas.bill_schema import today
from schemas.checkout_schema import CheckoutCreate, CheckoutItem
from schemas.order_schema import OrderSchema, now
from services.app_context import AppContext
from services.auth.principal import check_fields, check_own_client
from services.bill_service import BillService
from services.exceptions import NotFoundError, RejectedError
from services.rendering import StoredResponse, rows_to_dicts
from services.stock import check_price, shortage
from services.transactions.creation import Creation, Creations
from services.transactions.unit_of_work import Transactions

Products = Mapping[int, ProductModel]

ORDER_FIELDS = tuple(OrderSchema.model_fields)
FOR_ADMINS = ("discount", "bill_number")  # prices and numbers are the shop's
NOTHING = frozenset[str]()


class CheckoutService:
    def __init__(self, app_context: AppContext) -> None:
        self.app_context = app_context
        self.creations = Creations(app_context, Transactions(app_context, BillService.unique_messages))

    async def checkout(self, new: CheckoutCreate, request: RequestKey | None = None) -> StoredResponse:
        """Place the order, once for all requests with this key; by one statement, however many lines.

        Raises NotFoundError for the client or a product, RejectedError for a price, a discount above the sum, or any
        shortage: then the answer names every short product.
        """
        creation = Creation(CheckoutRepository, lambda: values_of(new), ORDER_FIELDS, answer)

        def work(session: Session) -> StoredResponse:
            values = values_of(new)
            while not (placed := CheckoutRepository(session).place(values, ORDER_FIELDS)):
                refuse(session, new)
            return answer(placed)

        return await self.creations.create(creation, work, request)


def values_of(new: CheckoutCreate) -> Values:
    """What the statement is given. Raises an error when this client, or this role, may not ask for it."""
    check_own_client(new.client_id)
    check_fields({name for name in FOR_ADMINS if getattr(new, name)}, NOTHING)
    day = today()
    return {
        "client_id": new.client_id,
        "delivery_method": new.delivery_method,
        "payment_type": new.payment_type,
        "discount": new.discount,
        "bill_number": new.bill_number or None,
        "date": now(),
        "day": day,
        "year": day.year,
        "product_ids": [item.product_id for item in new.items],
        "quantities": [item.quantity for item in new.items],
        "prices": [item.price for item in new.items],
    }


def answer(rows: Sequence[Sequence[Any]]) -> StoredResponse:
    """Each row bears the order, the bill, and one of the details."""
    bill_at, details_at = len(ORDER_FIELDS), len(ORDER_FIELDS) + len(BILL_FIELDS)
    [order] = rows_to_dicts(ORDER_FIELDS, [rows[0][:bill_at]])
    [bill] = rows_to_dicts(BILL_FIELDS, [rows[0][bill_at:details_at]])
    details = rows_to_dicts(DETAIL_FIELDS, (row[details_at:] for row in rows))
    placed = {"order": order, "bill": bill, "order_details": details}
    return StoredResponse(201, to_json(placed), f"/orders/{order['id_key']}")


def refuse(session: Session, new: CheckoutCreate) -> None:
    """Say why nothing was placed. Returns when there is no reason any more, because somebody changed the data; from
    then on the products are locked, and stay as they are.
    """
    if ClientRepository(session).find(new.client_id) is None:
        raise NotFoundError("Client", new.client_id)
    wanted = Counter[int]()
    for item in new.items:
        wanted[item.product_id] += item.quantity
    products = ProductRepository(session).lock_all(wanted)
    check_lines(new.items, products)
    short = [(products[id_key], quantity) for id_key, quantity in wanted.items() if products[id_key].stock < quantity]
    if short:
        errors = [{"product_id": p.id_key, "requested": quantity, "available": p.stock} for p, quantity in short]
        raise RejectedError(shortage(*short[0]), errors=errors)
    check_total(new, products)


def check_lines(items: Sequence[CheckoutItem], products: Products) -> None:
    for item in items:
        if item.product_id not in products:
            raise NotFoundError("Product", item.product_id)
        check_price(products[item.product_id], item.price)


def check_total(new: CheckoutCreate, products: Products) -> None:
    """What is to be paid is price times quantity over all lines, less the discount."""
    amount = sum((products[item.product_id].price * item.quantity for item in new.items), Decimal(0))
    if new.discount > amount:
        raise RejectedError(f"Discount {new.discount:.2f} is above the sum {amount:.2f}")
    if amount - new.discount > MAX_MONEY:
        raise RejectedError(f"Total {amount - new.discount:.2f} is above the limit {MAX_MONEY}")
