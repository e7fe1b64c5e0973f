"""A whole order in one transaction: bill, order, details and stock, or nothing of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy.orm import Session

from models.product import ProductModel
from repositories.bill_repository import BillRepository
from repositories.client_repository import ClientRepository
from repositories.idempotency_repository import RequestKey
from repositories.order_detail_repository import OrderDetailRepository
from repositories.order_repository import OrderRepository
from repositories.product_repository import ProductRepository
from schemas.base_schema import MAX_MONEY, to_json
from schemas.bill_schema import BillSchema, today
from schemas.checkout_schema import CheckoutCreate, CheckoutItem, CheckoutSchema
from schemas.order_detail_schema import OrderDetailSchema
from schemas.order_schema import OrderSchema, now
from services.bill_service import BillService
from services.documents import Answer
from services.errors import NotFoundError, RejectedError
from services.principal import check_fields, check_own_client
from services.resources import Resources
from services.stock import check_price, shortage
from services.transactions import Transactions, Work

Products = Mapping[int, ProductModel]

FOR_ADMINS = ("discount", "bill_number")  # prices and numbers are the shop's
NOTHING = frozenset[str]()


class CheckoutService:
    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self.transactions = Transactions(resources, BillService.unique_messages)

    async def checkout(self, new: CheckoutCreate, request: RequestKey | None = None) -> Answer:
        """Place the order, once for all requests with this key; six statements, however many lines.

        Raises NotFoundError for the client or a product, RejectedError for a price, a discount above the sum, or any
        shortage: then the answer names every short product.
        """
        work: Work[Answer] = lambda session: self._place(session, new)  # noqa: E731
        return await self.resources.database.threads.run(lambda: self.transactions.run_once(work, request))

    def _place(self, session: Session, new: CheckoutCreate) -> Answer:
        check_own_client(new.client_id)
        check_fields({name for name in FOR_ADMINS if getattr(new, name)}, NOTHING)
        if ClientRepository(session).find(new.client_id) is None:
            raise NotFoundError("Client", new.client_id)
        products = take_stock(ProductRepository(session), new.items)
        total = total_of(new, products)
        bill = BillRepository(session).save(
            {
                "bill_number": new.bill_number,
                "discount": new.discount,
                "date": today(),
                "total": total,
                "payment_type": new.payment_type,
            }
        )
        order = OrderRepository(session).save(
            {
                "date": now(),
                "total": total,
                "delivery_method": new.delivery_method,
                "client_id": new.client_id,
                "bill_id": bill.id_key,
                "checkout_lines": len(new.items),
            }
        )
        lines = [
            {
                "quantity": item.quantity,
                "price": products[item.product_id].price,
                "order_id": order.id_key,
                "product_id": item.product_id,
            }
            for item in new.items
        ]
        placed = CheckoutSchema(
            order=OrderSchema.model_validate(order),
            bill=BillSchema.model_validate(bill),
            order_details=[
                OrderDetailSchema.model_validate(detail) for detail in OrderDetailRepository(session).save_all(lines)
            ],
        )
        return Answer(201, to_json(placed), f"/orders/{order.id_key}")


def take_stock(repository: ProductRepository, items: Sequence[CheckoutItem]) -> Products:
    """Lock the products, check every line against them, and take what the lines ask for, summed by product."""
    wanted = Counter[int]()
    for item in items:
        wanted[item.product_id] += item.quantity
    products = repository.lock_all(wanted)
    for item in items:
        if item.product_id not in products:
            raise NotFoundError("Product", item.product_id)
        check_price(products[item.product_id], item.price)
    short = [(products[id_key], quantity) for id_key, quantity in wanted.items() if products[id_key].stock < quantity]
    if short:
        errors = [{"product_id": p.id_key, "requested": quantity, "available": p.stock} for p, quantity in short]
        raise RejectedError(shortage(*short[0]), errors=errors)
    repository.move_stock({id_key: -quantity for id_key, quantity in wanted.items()})
    return products


def total_of(new: CheckoutCreate, products: Products) -> Decimal:
    """What is to be paid: price times quantity over all lines, less the discount."""
    amount = sum((products[item.product_id].price * item.quantity for item in new.items), Decimal(0))
    if new.discount > amount:
        raise RejectedError(f"Discount {new.discount:.2f} is above the sum {amount:.2f}")
    if amount - new.discount > MAX_MONEY:
        raise RejectedError(f"Total {amount - new.discount:.2f} is above the limit {MAX_MONEY}")
    return amount - new.discount
