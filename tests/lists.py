"""Lists of objects, for the tests of their common behaviour."""

from controllers import CONTROLLERS
from controllers.api_key_controller import ApiKeyController
from controllers.webhook_controller import WebhookDeliveryController

# Without authentication, nobody manages API keys. Deliveries are listed below their endpoint.
LISTS = {one.prefix: one.filters for one in CONTROLLERS if one not in (ApiKeyController, WebhookDeliveryController)}
