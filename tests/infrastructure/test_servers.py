"""Choice between configured and embedded servers."""

import subprocess
import sys
from typing import Any

import pytest

from config.settings import Settings
from infrastructure.servers import available_servers
from tests.servers import ROOT

CONFIGURED: dict[str, Any] = {"postgres_host": "db.example", "redis_host": "cache.example"}
PROGRAM = """
import sys
import scripts.api_key, scripts.audit, scripts.demo.fill
from config.settings import Settings
from infrastructure.servers import available_servers
with available_servers(Settings(_env_file=None, postgres_host="db.example", {redis})) as settings:
    assert settings.postgres_host == "db.example"
print(*(name for name in sys.modules if name.startswith("infrastructure.embedded")))
"""


@pytest.mark.parametrize("redis", ["redis_host='cache.example'", "redis_enabled=False"])
def test_configured_servers_load_no_embedded_ones(redis: str) -> None:
    program = PROGRAM.format(redis=redis)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_configured_servers_leave_the_settings_unchanged() -> None:
    settings = Settings(_env_file=None, **CONFIGURED)
    with available_servers(settings) as available:
        assert available is settings


@pytest.mark.parametrize("missing", ["postgres_host", "redis_host"])
def test_one_missing_address_is_enough_to_embed(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    assert Settings(_env_file=None, **(CONFIGURED | {missing: None})).embeds_servers
