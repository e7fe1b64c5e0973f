"""Settings of the shop: orders, payments, stock, events and webhooks."""

from typing import Literal

from pydantic import Field, SecretStr

from config.settings.group import SettingsGroup


class PaymentSettings(SettingsGroup):
    order_hold_minutes: int = Field(
        0, ge=0, le=525_600, description="minutes until an unpaid order is canceled, 0 for never"
    )
    payment_provider: Literal["manual", "stripe"] = Field("manual", description="manual or stripe")
    payment_currency: str = Field("EUR", pattern="^[A-Z]{3}$", description="ISO 4217 code of three letters")
    stripe_api_key: SecretStr | None = Field(None, description="secret key of Stripe, sk_…")
    stripe_webhook_secret: SecretStr | None = Field(None, description="secret of Stripe's webhooks, whsec_…")
    stripe_api_base: str | None = Field(None, description="address of another server with Stripe's API, for tests")
    payment_sweep_interval: float = Field(
        2, ge=1, le=3600, description="seconds between two looks for open payments, 1-3600"
    )


class ShopSettings(SettingsGroup):
    event_retention_days: int = Field(30, ge=1, le=3650, description="days until an event is removed, 1-3650")
    webhook_allow_private: bool = False
    low_stock_threshold: int = Field(5, ge=0, le=2_147_483_647, description="stock at or below which a product is low")
