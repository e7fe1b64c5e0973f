"""Settings of access: rate limit, proxies, origins, credentials, and the audit log."""

from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from config.settings.group import CommaSeparated, SettingsGroup, split
from infrastructure.client_address import Network

PRIVATE_NETWORKS = ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")


def _networks(value: Any) -> tuple[Network, ...]:
    return tuple(map(ip_network, split(value)))


class RateLimitSettings(SettingsGroup):
    rate_limit_enabled: bool = True
    rate_limit_calls: int = Field(100, ge=1, le=1_000_000_000, description="requests a period, 1 or more")
    rate_limit_period: int = Field(60, ge=1, le=86400, description="seconds, 1-86400")
    rate_limit_redis_url: SecretStr | None = Field(None, description="as REDIS_URL, of a single server")


class ListSettings(SettingsGroup):
    """Lists whose default is not empty. They alone can be set to nothing: for other settings, it means the default."""

    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = _networks(PRIVATE_NETWORKS)
    cors_origins: CommaSeparated = ("*",)


class AccessSettings(SettingsGroup):
    auth_mode: Literal["none", "api_key", "jwt", "both"] = "none"
    jwt_jwks_url: str | None = Field(None, description="https address of the public keys of RS256 and ES256 tokens")
    jwt_jwks_max_stale: int = Field(3600, ge=0, le=604_800, description="seconds, 0-604800")
    jwt_secret: SecretStr | None = Field(None, description="key of HS256 tokens, 32 bytes or more")
    jwt_issuer: str | None = Field(None, description="the `iss` that tokens must have")
    jwt_audience: str | None = Field(None, description="the `aud` that tokens must have")
    audit_enabled: bool = Field(False, description="whether changes are noted while AUTH_MODE is none")
    audit_interval: int = Field(60, ge=1, le=3600, description="seconds between two seals of the audit log, 1-3600")

    @property
    def takes_api_keys(self) -> bool:
        return self.auth_mode in ("api_key", "both")

    @property
    def takes_tokens(self) -> bool:
        return self.auth_mode in ("jwt", "both")

    @property
    def audits(self) -> bool:
        return self.audit_enabled or self.auth_mode != "none"
