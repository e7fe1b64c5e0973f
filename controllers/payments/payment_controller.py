"""Payments over HTTP: clients pay their own orders, admins capture, cancel and refund."""

from functools import partial
from typing import Annotated, Any

from fastapi import Body, Header
from starlette.requests import Request
from starlette.responses import Response

from controllers.base_controller_impl import BaseController, Parent
from controllers.http.access import CLIENTS, PUBLIC, Access
from controllers.http.bodies import receive_body
from controllers.http.idempotency import IdempotencyKey
from controllers.http.parameters import Context, PathId, typed
from schemas.base_schema import NothingToWrite
from schemas.payments.payment_schema import (
    PaymentCreate,
    PaymentFilters,
    PaymentSchema,
    StartedPaymentSchema,
    payment_create,
)
from services.order_service import OrderService
from services.payments.payment_service import PaymentService

EVENT = {"object": "event", "data": {"object": {"object": "payment_intent", "id": "pi_3MtwBwLkdIwHu7ix"}}}


class PaymentController(BaseController[NothingToWrite, NothingToWrite, PaymentSchema]):
    """Payments of orders: paying, capturing, canceling and refunding.

    Manual payments are captured at once, so only payments of Stripe can be captured or canceled.
    """

    prefix = "/payments"
    service = PaymentService
    filters = PaymentFilters
    access = Access(read=CLIENTS)

    def register(self) -> None:
        payments, one, of_order = PaymentService(self.app_context), self.object_path, f"/orders/{{id_key}}{self.prefix}"
        self.add_list(self.prefix, self.list_all, "List payments", PaymentSchema)
        parent = Parent("/orders", "order_id", OrderService)
        self.add_list(of_order, self.list_of(parent), "List payments of an order", PaymentSchema, 404)
        self.add_payment(of_order)
        self.add_read(one, self.get_one, "Get a payment", PaymentSchema, 404)
        self.add_webhook()
        for kind, body in payments.changes().items():
            change = partial(payments.change, kind)
            self.add_action(f"{one}/{kind}", change, f"{kind.capitalize()} a payment", PaymentSchema, body)

    def add_payment(self, path: str) -> None:
        payments, body = PaymentService(self.app_context), payment_create(list(self.app_context.providers))

        async def pay(
            request: Request, context: Context, id_key: PathId, new: Any = None, key: IdempotencyKey = None
        ) -> Response:
            """Pay an order. A declined payment is `failed`, one without an answer of its provider `pending`."""
            return await self.create_once(
                request, context, new or PaymentCreate(), key, lambda within, given: payments.pay(within, id_key, given)
            )

        endpoint, read = typed(pay, new=Annotated[body | None, Body()]), PaymentSchema | StartedPaymentSchema
        self.add_route(CLIENTS, "POST", path, endpoint, "Pay an order", read, 404, 409, 413)

    def add_webhook(self) -> None:
        payments, limit = PaymentService(self.app_context), self.app_context.settings.max_body_bytes

        async def receive(
            request: Request, signature: Annotated[str | None, Header(alias="Stripe-Signature")] = None
        ) -> Response:
            """Take a webhook of Stripe. Only its signature matters; repeats and their order change nothing."""
            await payments.hear_from_stripe(await receive_body(request, limit), signature)
            return Response(status_code=204)

        path, summary = f"{self.prefix}/webhooks/stripe", "Webhook of Stripe"
        body = {"requestBody": {"required": True, "content": {"application/json": {"schema": {}, "example": EVENT}}}}
        self.add_route(PUBLIC, "POST", path, receive, summary, None, 400, 413, status_code=204, openapi_extra=body)
