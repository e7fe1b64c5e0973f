"""The configured payment providers by name."""

from collections.abc import Mapping

from config.settings import Settings
from infrastructure.payments.manual import ManualProvider
from infrastructure.payments.provider import PaymentProvider


def create_providers(settings: Settings) -> Mapping[str, PaymentProvider]:
    """Return the providers. Stripe's library is imported only if it is configured: it takes memory and time."""
    providers: dict[str, PaymentProvider] = {"manual": ManualProvider()}
    if settings.stripe_api_key:
        from infrastructure.payments.stripe import StripeProvider  # noqa: PLC0415 # see above

        secret = settings.stripe_webhook_secret.get_secret_value() if settings.stripe_webhook_secret else None
        providers["stripe"] = StripeProvider(
            settings.stripe_api_key.get_secret_value(), secret, settings.stripe_api_base
        )
    return providers
