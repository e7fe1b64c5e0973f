"""SQL of address rows."""

from models.address import AddressModel
from repositories.base_repository_impl import BaseRepository


class AddressRepository(BaseRepository[AddressModel]):
    model = AddressModel
