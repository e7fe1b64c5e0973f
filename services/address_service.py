"""The rules of addresses: none beyond the schema's."""

from models.address import AddressModel
from repositories.address_repository import AddressRepository
from schemas.address_schema import AddressCreate, AddressSchema, AddressUpdate
from services.base_service_impl import BaseService


class AddressService(BaseService[AddressModel, AddressCreate, AddressUpdate, AddressSchema]):
    repository = AddressRepository
    schema = AddressSchema
