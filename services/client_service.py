"""The rules of clients: e-mail addresses are unique."""

from models.client import ClientModel
from repositories.base_repository_impl import Record
from repositories.client_repository import ClientRepository
from repositories.order_repository import OrderRepository
from repositories.payments.payment_repository import PaymentRepository
from schemas.client_schema import ClientCreate, ClientSchema, ClientSummary, ClientUpdate, SummaryQuery
from services.base_service_impl import BaseService
from services.context.request_context import RequestContext
from services.rendering import RenderedJson, render


class ClientService(BaseService[ClientModel, ClientCreate, ClientUpdate, ClientSchema]):
    repository = ClientRepository
    schema = ClientSchema
    unique_messages = {"uq_clients_email": "Email already registered"}

    def client_of(self, record: Record) -> int:
        return int(record["id_key"])

    async def summary(self, context: RequestContext, id_key: int, query: SummaryQuery) -> RenderedJson:
        """Sum up the client's orders and, if the query includes them, its payments. Raises NotFoundError."""
        await self.get_one(context, id_key)
        [(count, total, last)] = await self.fetch(context, OrderRepository.summary(id_key))
        summary = ClientSummary(client_id=id_key, orders_count=count, total_spent=total, last_order_date=last)
        if query.include is None:
            return render(summary)
        [(captured, refunded)] = await self.fetch(context, PaymentRepository.summary(id_key))
        return render({**summary.model_dump(), "captured": captured, "refunded": refunded})
