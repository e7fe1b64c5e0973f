"""The configured payment providers by name."""

from collections.abc import Mapping

from config.settings import Settings
from infrastructure.payments.manual import ManualProvider
from infrastructure.payments.provider import PaymentProvider


def create_providers(settings: Settings) -> Mapping[str, PaymentProvider]:
    return {"manual": ManualProvider()}
