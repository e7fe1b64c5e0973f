"""The rules of addresses: clients write only their own."""

from models.address import AddressModel
from repositories.address_repository import AddressRepository
from repositories.transaction import Transaction, Values
from schemas.address_schema import AddressCreate, AddressSchema, AddressUpdate
from services.base_service_impl import BaseService
from services.context.request_context import RequestContext


class AddressService(BaseService[AddressModel, AddressCreate, AddressUpdate, AddressSchema]):
    repository = AddressRepository
    schema = AddressSchema

    def before_save(self, context: RequestContext, new: AddressCreate) -> Values:
        context.principal.check_client(new.client_id)
        return super().before_save(context, new)

    def before_update(self, tx: Transaction, context: RequestContext, instance: AddressModel, values: Values) -> Values:
        context.principal.check_client(values.get("client_id", instance.client_id))
        return values
