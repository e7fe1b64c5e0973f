"""SQL of client rows."""

from models.client import ClientModel
from repositories.base_repository_impl import BaseRepository


class ClientRepository(BaseRepository[ClientModel]):
    model = ClientModel
