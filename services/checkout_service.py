"""Checkout: bill, order, details and stock in one transaction, or nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from models.product import ProductModel
from repositories.address_repository import AddressRepository
from repositories.base_repository_impl import Record
from repositories.checkout_repository import CheckoutRepository
from repositories.client_repository import ClientRepository
from repositories.product_repository import ProductRepository
from repositories.system.idempotency_repository import StoredResponse
from repositories.transaction import Transaction, Values
from schemas.base_schema import to_json, utc_now
from schemas.checkout_schema import CheckoutCreate
from services.bill_service import BillService
from services.context.request_context import RequestContext
from services.exceptions import NotFoundError
from services.rendering import Created
from services.rules.order_rules import net_total
from services.rules.stock import check_not_archived, check_price, refuse_shortage
from services.transactions.creation import CreatingService, Creation

ADMIN_FIELDS = ("discount", "bill_number")
CLIENT_FIELDS = frozenset[str]()

Products = Mapping[int, ProductModel]


class Line(NamedTuple):
    product_id: int
    quantity: int
    price: Decimal | None


class CheckoutService(CreatingService):
    unique_messages = BillService.unique_messages

    async def checkout(self, context: RequestContext, new: CheckoutCreate) -> Created | StoredResponse:
        """Place the order, once for all requests with the same idempotency key.

        Raises NotFoundError for the client or a product, ConflictError for an archived product, RejectedError for a
        price, for a discount above the sum, or for a shortage, with all short products.
        """
        values = partial(self.before_save, context, new)
        return await self.create(context, Creation(CheckoutRepository, (), values, self.created, self.explain_refusal))

    def before_save(self, context: RequestContext, new: CheckoutCreate) -> Values:
        """Return the parameters of the statement. Raises an error if this client or this role may not place it."""
        context.principal.check_client(new.client_id)
        context.principal.check_fields({name for name in ADMIN_FIELDS if getattr(new, name)}, CLIENT_FIELDS)
        now = utc_now()
        return {
            "client_id": new.client_id,
            "delivery_method": new.delivery_method,
            "payment_type": new.payment_type,
            "discount": new.discount,
            "bill_number": new.bill_number or None,
            "address_id": new.address_id,
            "date": now,
            "day": now.date(),
            "year": now.year,
            "product_ids": [item.product_id for item in new.items],
            "quantities": [item.quantity for item in new.items],
            "prices": [item.price for item in new.items],
        }

    def created(self, records: Sequence[Record]) -> Created:
        """Build the result from the rows, one for each line, that all contain the order and the bill."""
        order, bill = (CheckoutRepository.part(records[0], part) for part in ("ordered", "billed"))
        details = [CheckoutRepository.part(record, "detailed") for record in records]
        body = to_json({"order": order, "bill": bill, "order_details": details})
        return Created(body, order["id_key"], order["client_id"])

    def explain_refusal(self, tx: Transaction, values: Values) -> None:
        """Raise the reason why the statement refuses.

        Returns if the reason is gone. The products then stay locked, so the statement succeeds at the next attempt.
        """
        if ClientRepository(tx).find(values["client_id"]) is None:
            raise NotFoundError("Client", values["client_id"])
        check_address(tx, values["address_id"], values["client_id"])
        lines = list(map(Line, values["product_ids"], values["quantities"], values["prices"]))
        wanted = Counter[int]()
        for line in lines:
            wanted[line.product_id] += line.quantity
        products = ProductRepository(tx).lock_all(wanted)
        check_lines(lines, products)
        check_stock(wanted, products)
        net_total(
            sum((products[line.product_id].price * line.quantity for line in lines), Decimal(0)), values["discount"]
        )


def check_address(tx: Transaction, id_key: int | None, client_id: int) -> None:
    """Raise NotFoundError unless the address, if one is given, is the client's."""
    address = None if id_key is None else AddressRepository(tx).find(id_key)
    if id_key is not None and (address is None or address.client_id != client_id):
        raise NotFoundError("Address", id_key)


def check_lines(lines: Sequence[Line], products: Products) -> None:
    for line in lines:
        if line.product_id not in products:
            raise NotFoundError("Product", line.product_id)
        check_not_archived(products[line.product_id])
        check_price(products[line.product_id], line.price)


def check_stock(wanted: Mapping[int, int], products: Products) -> None:
    """Raise RejectedError that names every short product."""
    short = [(products[id_key], quantity) for id_key, quantity in wanted.items() if products[id_key].stock < quantity]
    if short:
        errors = [{"product_id": p.id_key, "requested": quantity, "available": p.stock} for p, quantity in short]
        refuse_shortage(*short[0], errors=errors)
