"""API keys over HTTP, for admins."""

from typing import Any

from controllers.base_controller_impl import BaseController
from controllers.http.access import Policy
from schemas.base_schema import NothingToWrite
from schemas.system.api_key_schema import ApiKeyCreate, ApiKeyFilters, ApiKeyRotation, ApiKeySchema, NewApiKeySchema
from services.system.api_key_service import ApiKeyService

# With AUTH_MODE=none, everybody could make keys that open the service after the mode is changed.
NOBODY = Policy(frozenset(), "API keys can be managed over HTTP when AUTH_MODE is not none")


class ApiKeyController(BaseController[ApiKeyCreate, NothingToWrite, ApiKeySchema]):
    """Keys of programs and people: make, restrict, replace and revoke them. Needs an `AUTH_MODE` other than `none`."""

    prefix = "/api_keys"
    service = ApiKeyService
    filters = ApiKeyFilters

    def register(self) -> None:
        keys, one = ApiKeyService(self.app_context), self.object_path
        self.add_list(self.prefix, self.list_all, "List API keys", ApiKeySchema)
        self.add_read(one, self.get_one, "Get an API key", ApiKeySchema, 404)
        self.add_post(self.prefix, ApiKeyCreate, keys.save, "Create an API key", NewApiKeySchema)
        self.add_post(f"{one}/rotate", ApiKeyRotation, keys.rotate, "Replace an API key", NewApiKeySchema)
        self.add_route(self.access.delete, "DELETE", one, self.delete, "Revoke an API key", None, 404, 412)

    def add_route(self, policy: Policy, *arguments: Any, **options: Any) -> None:
        super().add_route(NOBODY if self.app_context.settings.auth_mode == "none" else policy, *arguments, **options)
