"""Settings of access: rate limit, proxies, origins, credentials, and the audit log."""

import ipaddress
from functools import cached_property
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from config.settings.group import CommaSeparated, SettingsGroup

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PRIVATE_NETWORKS = ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")


class AccessSettings(SettingsGroup):
    rate_limit_enabled: bool = True
    rate_limit_calls: int = Field(100, ge=1, le=1_000_000_000, description="requests a period, 1 or more")
    rate_limit_period: int = Field(60, ge=1, le=86400, description="seconds, 1-86400")
    rate_limit_redis_url: SecretStr | None = Field(None, description="as REDIS_URL, of a single server")
    trusted_proxies: CommaSeparated = PRIVATE_NETWORKS
    cors_origins: CommaSeparated = ("*",)

    auth_mode: Literal["none", "api_key", "jwt", "both"] = "none"
    jwt_jwks_url: str | None = Field(None, description="https address of the public keys of RS256 and ES256 tokens")
    jwt_jwks_max_stale: int = Field(3600, ge=0, le=604_800, description="seconds, 0-604800")
    jwt_secret: SecretStr | None = Field(None, description="key of HS256 tokens, 32 bytes or more")
    jwt_issuer: str | None = Field(None, description="the `iss` that tokens must have")
    jwt_audience: str | None = Field(None, description="the `aud` that tokens must have")
    audit_enabled: bool = Field(False, description="whether changes are noted while AUTH_MODE is none")
    audit_interval: int = Field(60, ge=1, le=3600, description="seconds between two seals of the audit log, 1-3600")

    @field_validator("trusted_proxies")
    @classmethod
    def _networks_parse(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ipaddress.ip_network(network)
        return value

    @property
    def takes_api_keys(self) -> bool:
        return self.auth_mode in ("api_key", "both")

    @property
    def takes_tokens(self) -> bool:
        return self.auth_mode in ("jwt", "both")

    @property
    def audits(self) -> bool:
        return self.audit_enabled or self.auth_mode != "none"

    @cached_property
    def trusted_networks(self) -> tuple[Network, ...]:
        return tuple(ipaddress.ip_network(network) for network in self.trusted_proxies)
