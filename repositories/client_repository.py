"""SQL of client rows."""

from sqlalchemy import ColumnElement

from models.client import ClientModel
from repositories.base_repository_impl import BaseRepository
from repositories.statements.statement import ClientKey
from repositories.system.idempotency_repository import IdempotencyRepository


class ClientRepository(BaseRepository[ClientModel]):
    model = ClientModel

    @staticmethod
    def owner_filter(client_id: ClientKey) -> ColumnElement[bool]:
        return ClientModel.id_key == client_id

    def remove(self, instance: ClientModel) -> None:
        """Delete the client, its addresses and API keys, and the stored responses about it."""
        super().remove(instance)
        IdempotencyRepository(self.session).erase_client(instance.id_key)
