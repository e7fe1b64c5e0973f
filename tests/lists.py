"""Lists of objects, for the tests of their common behaviour."""

from controllers import CONTROLLERS
from controllers.events.webhook_controller import WebhookDeliveryController
from controllers.system.api_key_controller import ApiKeyController

# Without authentication, nobody manages API keys. Deliveries are listed below their endpoint.
LISTS = {one.prefix: one.filters for one in CONTROLLERS if one not in (ApiKeyController, WebhookDeliveryController)}
