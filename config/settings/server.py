"""Settings of the server: address, workers, connections, and bounds of requests."""

from pathlib import Path

from pydantic import AliasChoices, Field, field_validator

from config.root_path import checked_root_path
from config.settings.group import Port, SettingsGroup
from infrastructure.server.cores import usable_cores

MAX_WORKERS = 64


class ServerSettings(SettingsGroup):
    api_host: str = "127.0.0.1"
    api_port: Port = Field(
        8000, validation_alias=AliasChoices("API_PORT", "PORT", "api_port"), description="TCP port, 1-65535"
    )
    uvicorn_workers: int = Field(
        default_factory=lambda: min(MAX_WORKERS, usable_cores()),
        validation_alias=AliasChoices("UVICORN_WORKERS", "WEB_CONCURRENCY", "uvicorn_workers"),
        ge=1,
        le=MAX_WORKERS,
        description="processes, 1-64; or WEB_CONCURRENCY; default one for each usable core",
    )
    backlog: int = Field(2048, ge=1, le=65535, description="connections waiting to be accepted, 1-65535")
    timeout_keep_alive: int = Field(5, ge=1, le=3600, description="seconds an idle connection stays open, 1-3600")
    limit_concurrency: int = Field(1000, ge=1, description="requests at a time in a worker before it answers 503")
    limit_connections_per_address: int = Field(
        256, ge=1, le=1_000_000, description="connections of one client address to a worker, 1 or more"
    )
    limit_max_requests: int = Field(10000, ge=0, description="requests until a worker is replaced, 0 for never")
    limit_min_lifetime: float = Field(
        60, ge=0, le=86400, description="seconds between two such replacements, up to 86400"
    )
    timeout_graceful_shutdown: int = Field(20, ge=1, le=600, description="seconds for requests to finish, 1-600")
    timeout_request_header: float = Field(10, gt=0, le=300, description="seconds for a request's header, up to 300")
    timeout_request_body: float = Field(20, gt=0, le=300, description="seconds for a request's body, up to 300")
    root_path: str = Field("", description="as /api/v1, or empty")
    compression: bool = True
    max_body_bytes: int = Field(1_048_576, ge=1024, le=1 << 30, description="bytes of a request body, 1024-1 GiB")
    max_import_bytes: int = Field(268_435_456, ge=1024, le=1 << 34, description="bytes of an import, 1024-16 GiB")
    import_timeout: float = Field(600, gt=0, le=86400, description="seconds for sending an import, up to 86400")
    export_timeout: float = Field(600, gt=0, le=86400, description="seconds an export may take, up to 86400")
    reload: bool = True
    data_dir: Path = Field(Path(".data"), description="folder of the embedded servers")

    @field_validator("root_path")
    @classmethod
    def _root_path_is_usable(cls, value: str) -> str:
        return checked_root_path(value)
