"""Addresses over HTTP."""

from controllers.base_controller_impl import BaseController, Parent
from controllers.http.access import CLIENTS, Access
from schemas.address_schema import AddressCreate, AddressFilters, AddressSchema, AddressUpdate
from services.address_service import AddressService
from services.client_service import ClientService


class AddressController(BaseController[AddressCreate, AddressUpdate, AddressSchema]):
    """Addresses of clients."""

    prefix = "/addresses"
    service = AddressService
    filters = AddressFilters
    parents = (Parent("/clients", "client_id", ClientService),)
    access = Access(CLIENTS, CLIENTS, CLIENTS, CLIENTS)
