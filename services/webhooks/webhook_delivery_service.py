"""Reading and repeating deliveries of webhooks."""

from models.events.webhook import WebhookDeliveryModel
from repositories.events.webhook_repository import WebhookDeliveryRepository
from schemas.base_schema import NothingToWrite
from schemas.events.webhook_schema import WebhookDeliverySchema
from services.base_service_impl import BaseService
from services.context.request_context import RequestContext
from services.rendering import RenderedJson, render
from services.transactions.unit_of_work import in_worker_thread


class WebhookDeliveryService(BaseService[WebhookDeliveryModel, NothingToWrite, NothingToWrite, WebhookDeliverySchema]):
    repository = WebhookDeliveryRepository
    schema = WebhookDeliverySchema

    @in_worker_thread
    def retry(self, context: RequestContext, id_key: int) -> RenderedJson:
        """Let the event be sent again, although events after it may have been sent. Raises NotFoundError."""
        with self.unit_of_work(context) as tx:
            delivery = self.lock(tx, context, id_key, None)
            WebhookDeliveryRepository(tx).retry(delivery)
            return render(self.read(delivery))
