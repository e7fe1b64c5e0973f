"""SQL of address rows."""

from sqlalchemy import ColumnElement

from models.address import AddressModel
from repositories.base_repository_impl import BaseRepository
from repositories.statements.statement import ClientKey


class AddressRepository(BaseRepository[AddressModel]):
    model = AddressModel

    @staticmethod
    def owner_filter(client_id: ClientKey) -> ColumnElement[bool]:
        return AddressModel.client_id == client_id
