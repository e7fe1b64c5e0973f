"""The rules of addresses: clients write their own only."""

from sqlalchemy.orm import Session

from models.address import AddressModel
from repositories.address_repository import AddressRepository
from repositories.base_repository_impl import Values
from schemas.address_schema import AddressCreate, AddressSchema, AddressUpdate
from services.auth.principal import check_own_client
from services.base_service_impl import BaseService


class AddressService(BaseService[AddressModel, AddressCreate, AddressUpdate, AddressSchema]):
    repository = AddressRepository
    schema = AddressSchema

    def before_save(self, new: AddressCreate) -> Values:
        check_own_client(new.client_id)
        return super().before_save(new)

    def before_update(self, session: Session, instance: AddressModel, values: Values) -> Values:
        check_own_client(values.get("client_id", instance.client_id))
        return values
