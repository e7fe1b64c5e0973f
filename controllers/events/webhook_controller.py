"""Webhooks over HTTP, for admins: endpoints, and the deliveries to them."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from controllers.base_controller_impl import BaseController, Parent
from controllers.http.creations import Creates
from controllers.http.idempotency import IdempotencyKey
from controllers.http.parameters import Context, PathId
from controllers.http.responses import json_response
from schemas.base_schema import NothingToWrite
from schemas.events.webhook_schema import (
    NewWebhookEndpointSchema,
    WebhookDeliveryFilters,
    WebhookDeliverySchema,
    WebhookEndpointCreate,
    WebhookEndpointFilters,
    WebhookEndpointSchema,
    WebhookEndpointUpdate,
)
from services.webhooks.webhook_delivery_service import WebhookDeliveryService
from services.webhooks.webhook_endpoint_service import WebhookEndpointService


class WebhookEndpointController(BaseController[WebhookEndpointCreate, WebhookEndpointUpdate, WebhookEndpointSchema]):
    """Addresses to which events are delivered."""

    prefix = "/webhook_endpoints"
    is_exported = False
    service = WebhookEndpointService
    filters = WebhookEndpointFilters
    delete_errors = (404, 412)

    def add_routes(self) -> None:
        endpoints = WebhookEndpointService(self.app_context)

        async def rotate(request: Request, context: Context, id_key: PathId, key: IdempotencyKey = None) -> Response:
            """Replace the secret. Deliveries carry signatures of the new and the old one for 24 hours."""
            return await self.create_once(
                request, context, NothingToWrite(), key, lambda within, _: endpoints.rotate_secret(within, id_key)
            )

        path = f"{self.object_path}/rotate_secret"
        summary, shown = "Replace the secret: webhook endpoint", NewWebhookEndpointSchema
        self.add_route(self.access.create, "POST", path, rotate, summary, shown, 404, 409)

    def add_post(self, path: str, create: Any, use_case: Creates, summary: str, *_: Any) -> None:
        """Document the secret in the response."""
        super().add_post(path, create, use_case, summary, NewWebhookEndpointSchema)


class WebhookDeliveryController(BaseController[NothingToWrite, NothingToWrite, WebhookDeliverySchema]):
    """Deliveries of events to webhook endpoints."""

    prefix = "/webhook_deliveries"
    service = WebhookDeliveryService
    filters = WebhookDeliveryFilters

    def register(self) -> None:
        deliveries = WebhookDeliveryService(self.app_context)

        async def retry(request: Request, context: Context, id_key: PathId) -> Response:
            """Send the event again, after the deliveries that wait. The order of events may break."""
            return await json_response(request, await deliveries.retry(context, id_key))

        of_endpoint = self.list_of(Parent("/webhook_endpoints", "endpoint_id", WebhookEndpointService))
        path = "/webhook_endpoints/{id_key}/deliveries"
        self.add_list(path, of_endpoint, "List deliveries of a webhook endpoint", WebhookDeliverySchema, 404)
        self.add_read(self.object_path, self.get_one, "Get: webhook delivery", WebhookDeliverySchema, 404)
        path, summary = f"{self.object_path}/retry", "Send again: webhook delivery"
        self.add_route(self.access.create, "POST", path, retry, summary, WebhookDeliverySchema, 404, status_code=200)
