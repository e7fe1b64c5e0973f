"""Settings of monitoring: logs, metrics and traces."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from config.settings.group import SettingsGroup


class LogSettings(SettingsGroup):
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    log_to_file: bool = True
    log_dir: Path = Path("logs")
    access_log: bool = False


class TelemetrySettings(SettingsGroup):
    prometheus_multiproc_dir: Path | None = Field(None, description="folder the workers share their metrics in")
    otel_exporter_otlp_endpoint: str | None = None
    otel_exporter_otlp_protocol: Literal["http/protobuf", "grpc"] = Field(
        "http/protobuf", description="http/protobuf or grpc"
    )
    otel_service_name: str = "ecommerce-api"
