"""The rules of webhook endpoints: their URLs lead to public addresses, and each secret is shown once."""

import asyncio
from collections.abc import Collection, Sequence
from functools import partial

from infrastructure.outgoing_http import ForbiddenAddressError, allowed_address
from models.events.webhook import WebhookEndpointModel
from repositories.base_repository_impl import Record
from repositories.events.webhook_repository import WebhookEndpointRepository
from repositories.system.idempotency_repository import StoredResponse
from repositories.transaction import Values
from schemas.base_schema import to_json
from schemas.events.webhook_schema import WebhookEndpointCreate, WebhookEndpointSchema, WebhookEndpointUpdate
from services.base_service_impl import BaseService
from services.context.request_context import RequestContext
from services.exceptions import InvalidError
from services.rendering import Created, RenderedJson
from services.transactions.creation import Creation
from services.transactions.unit_of_work import in_worker_thread
from services.webhooks.messages import new_secret

LOOK_UP_SECONDS = 2.0


class WebhookEndpointService(
    BaseService[WebhookEndpointModel, WebhookEndpointCreate, WebhookEndpointUpdate, WebhookEndpointSchema]
):
    repository = WebhookEndpointRepository
    schema = WebhookEndpointSchema

    async def save(self, context: RequestContext, new: WebhookEndpointCreate) -> Created | StoredResponse:
        """Create an endpoint. Only this response contains its secret; a stored response does not."""
        await self.check_url(new.url)
        secret = new_secret()

        def values() -> Values:
            return {**self.before_save(context, new), "secret": secret}

        return await self.create(
            context,
            Creation(self.repository, self.fields, values, partial(self.shown_once, secret), self.explain_refusal),
        )

    async def update(
        self,
        context: RequestContext,
        id_key: int,
        changes: WebhookEndpointUpdate,
        etags: Collection[str] | None = None,
    ) -> RenderedJson:
        if url := changes.given().get("url"):
            await self.check_url(url)
        return await super().update(context, id_key, changes, etags)

    @in_worker_thread
    def rotate_secret(self, context: RequestContext, id_key: int) -> Created | StoredResponse:
        """Give the endpoint a new secret. The previous one signs too, for a day. Raises NotFoundError."""
        with self.unit_of_work(context) as tx:
            if tx.replay:
                return tx.replay
            endpoint, secret = self.lock(tx, context, id_key, None), new_secret()
            self.repository(tx).rotate(endpoint, secret)
            tx.outcome = created = self.shown_once(secret, [self.read(endpoint)])
            return created

    async def check_url(self, url: str) -> None:
        """Raise InvalidError if deliveries to the URL would be refused. Each delivery checks it again."""
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                await allowed_address(url, allow_private=self.app_context.settings.webhook_allow_private)
        except ForbiddenAddressError as error:
            raise InvalidError(f"Not allowed: {error}", "url") from error
        except OSError:
            """No address in time: the name server may be away or slow, or the receiver may not be ready yet."""

    def shown_once(self, secret: str, records: Sequence[Record]) -> Created:
        """Return the result with the secret in its body, but not in the body that is stored for repeats."""
        created = self.created(records)
        [record] = records
        shown = {**{field: record[field] for field in self.fields}, "secret": secret}
        return created._replace(body=to_json(shown), replay_body=created.body)
