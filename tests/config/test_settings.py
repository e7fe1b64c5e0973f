"""Settings: documentation, bounds, and messages about wrong values."""

import re
from pathlib import Path
from typing import Any, Literal

import pytest

from config.settings import RedisAddress, Settings, inherit_settings, load_settings
from run_production import fit_connections, table
from tests.servers import ROOT

EXAMPLE = ROOT / ".env.example"
NAMES = [name.upper() for name in Settings.model_fields]


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove all variables, and run in a folder without `.env`."""
    for name in [*NAMES, "PORT", "WEB_CONCURRENCY"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_example_names_every_setting_once_with_its_default() -> None:
    named = re.findall(r"^(\w+)=", EXAMPLE.read_text(), re.MULTILINE)
    assert sorted(named) == sorted(NAMES)
    assert Settings(_env_file=EXAMPLE) == Settings()


WRONG = {
    "POSTGRES_PORT": "0",
    "DB_POOL_SIZE": "-1",
    "DB_MAX_OVERFLOW": "many",
    "DB_POOL_TIMEOUT": "0",
    "DB_STATEMENT_TIMEOUT": "601",
    "REDIS_ENABLED": "perhaps",
    "REDIS_DB": "16",
    "API_PORT": "65536",
    "UVICORN_WORKERS": "0",
    "LIMIT_MAX_REQUESTS": "-1",
    "TIMEOUT_REQUEST_HEADER": "nan",
    "RATE_LIMIT_CALLS": "0",
    "RATE_LIMIT_PERIOD": "1.5",
    "TRUSTED_PROXIES": "10.0.0.0/33",
    "AUTH_MODE": "open",
    "AUDIT_ENABLED": "perhaps",
    "LOG_LEVEL": "LOUD",
    "LOG_FORMAT": "xml",
    "LOW_STOCK_THRESHOLD": "-1",
}


@pytest.mark.parametrize(("name", "value"), WRONG.items())
def test_a_wrong_value_stops_the_start_with_one_line(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as stopped:
        load_settings()
    assert re.fullmatch(rf"{name}={re.escape(value)}: .+", str(stopped.value))


def test_every_number_and_switch_refuses_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [name.upper() for name, value in Settings().model_dump().items() if isinstance(value, int | float)]
    for name in numbers:
        monkeypatch.setenv(name, "perhaps")
    with pytest.raises(SystemExit) as stopped:
        load_settings()
    assert [line.partition(": ")[0] for line in str(stopped.value).splitlines()] == [f"{n}=perhaps" for n in numbers]


def test_each_wrong_value_gets_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in WRONG.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as stopped:
        load_settings()
    assert [line.partition("=")[0] for line in str(stopped.value).splitlines()] == list(WRONG)


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_a_wrong_address_is_named_and_not_shown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "mysql://somebody:hunter2@host/db")
    with pytest.raises(SystemExit) as stopped:
        load_settings()
    assert name in str(stopped.value)
    assert "hunter2" not in str(stopped.value)


VERIFIABLE = {
    "AUTH_MODE": "jwt",
    "JWT_SECRET": "s" * 32,
    "JWT_ISSUER": "https://id.example.com/",
    "JWT_AUDIENCE": "shop",
}

UNVERIFIABLE = {
    "no key": ({"JWT_SECRET": ""}, "JWT_JWKS_URL or JWT_SECRET has to be set"),
    "no issuer": ({"JWT_ISSUER": ""}, "JWT_ISSUER and JWT_AUDIENCE have to be set"),
    "no audience": ({"JWT_AUDIENCE": ""}, "JWT_ISSUER and JWT_AUDIENCE have to be set"),
    "short secret": ({"JWT_SECRET": "hunter2" * 4}, "JWT_SECRET must have 32 bytes or more"),
    "keys over http": ({"JWT_JWKS_URL": "http://id.example.com/keys"}, "JWT_JWKS_URL must start with https://"),
    "keys of a file": ({"JWT_JWKS_URL": "file:///etc/keys"}, "JWT_JWKS_URL must start with https://"),
    "keys of a host like localhost": ({"JWT_JWKS_URL": "http://localhost.example.com/"}, "must start with https://"),
}


@pytest.mark.parametrize("mode", ["jwt", "both"])
@pytest.mark.parametrize(("wrong", "told"), UNVERIFIABLE.values(), ids=UNVERIFIABLE)
def test_tokens_that_could_not_be_verified_stop_the_start(
    wrong: dict[str, str], told: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**VERIFIABLE, "AUTH_MODE": mode, **wrong}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as stopped:
        load_settings()
    assert told in str(stopped.value)
    assert "hunter2" not in str(stopped.value)
    monkeypatch.setenv("AUTH_MODE", "api_key")
    assert not load_settings().takes_tokens


@pytest.mark.parametrize("url", ["https://id.example.com/keys", "http://127.0.0.1:8080/keys", "http://[::1]:8080/keys"])
def test_tokens_that_can_be_verified(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**VERIFIABLE, "JWT_JWKS_URL": url}.items():
        monkeypatch.setenv(name, value)
    assert load_settings().jwt_jwks_url == url


@pytest.mark.parametrize(
    ("mode", "switch", "audits"),
    [("none", False, False), ("none", True, True), ("api_key", False, True), ("api_key", True, True)],
)
def test_audit_log_is_on_with_authentication(mode: Literal["none", "api_key"], switch: bool, audits: bool) -> None:
    assert Settings(auth_mode=mode, audit_enabled=switch).audits is audits


def test_secrets_are_read_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    monkeypatch.setenv("POSTGRES_PASSWORD_FILE", str(tmp_path / "secret"))
    assert load_settings().postgres_password.get_secret_value() == "hunter2"
    monkeypatch.setenv("REDIS_PASSWORD_FILE", "/nowhere")
    with pytest.raises(SystemExit, match="/nowhere"):
        load_settings()


def test_the_secret_of_tokens_is_read_from_a_file_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("hunter2" * 5)
    for name, value in {**VERIFIABLE, "JWT_SECRET_FILE": str(tmp_path / "secret")}.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.jwt_secret
    assert settings.jwt_secret.get_secret_value() == "hunter2" * 5
    assert "hunter2" not in table(settings)


def test_url_overrides_host_and_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_HOST", "elsewhere")
    monkeypatch.setenv("DATABASE_URL", "postgres://user:p%40ss@db:6000/shop?sslmode=require")
    monkeypatch.setenv("REDIS_URL", "redis://:secret@cache:6000/3")
    settings = load_settings()
    url = settings.sqlalchemy_url()
    assert (url.drivername, url.host, url.port, url.password) == ("postgresql+psycopg2", "db", 6000, "p@ss")
    assert (url.database, url.query) == ("shop", {"sslmode": "require"})
    assert settings.redis_address() == RedisAddress("cache", 6000, 3, "secret")
    assert not settings.embeds_postgres
    assert not settings.embeds_redis


def test_platforms_set_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9000")
    assert load_settings().api_port == 9000


def test_the_table_of_the_configuration_shows_no_secret() -> None:
    shown = table(Settings(postgres_password="hunter2", database_url="postgresql://u:hunter2@h/d"))
    assert "hunter2" not in shown
    assert re.findall(r"^  (\w+) ", shown, re.MULTILINE) == NAMES


@pytest.mark.parametrize("free", [697, 400, 97, 40, 10])
def test_pools_are_made_to_fit_the_server(free: int) -> None:
    wanted = Settings(uvicorn_workers=5, db_pool_size=50, db_max_overflow=100, db_read_connections=10, db_threads=10)
    update = fit_connections(wanted, free)
    fitted = wanted.model_copy(update=update)
    probe = 1
    pools = fitted.db_pool_size + fitted.db_max_overflow
    connections = pools + fitted.db_read_connections + fitted.db_threads + probe
    workers_and_successor = 6
    assert workers_and_successor * connections <= max(free, workers_and_successor * 4)
    assert fitted.db_threads <= fitted.db_pool_size
    assert Settings.model_validate(fitted.model_dump()) == fitted


def test_pools_that_fit_stay_as_they_are() -> None:
    assert fit_connections(Settings(uvicorn_workers=4), 697) == {}
    assert fit_connections(Settings(uvicorn_workers=64), None) == {}


FREE_BY_DEFAULT = 97  # max_connections of a new PostgreSQL, without the 3 for superusers


@pytest.mark.parametrize("cores", [1, 2, 3, 4])
def test_the_default_pools_fit_a_default_server(cores: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert fit_connections(Settings(uvicorn_workers=cores), FREE_BY_DEFAULT) == {}
    assert not caplog.records


@pytest.mark.parametrize(
    ("chosen", "free", "level"),
    [
        ({}, FREE_BY_DEFAULT, "INFO"),
        ({"db_pool_size": 50}, FREE_BY_DEFAULT, "WARNING"),
        ({"db_max_overflow": 1}, FREE_BY_DEFAULT, "WARNING"),
        ({"db_threads": 10}, FREE_BY_DEFAULT, "WARNING"),
        ({"db_read_connections": 10}, FREE_BY_DEFAULT, "WARNING"),
        ({}, 20, "WARNING"),  # not even the smallest pools fit
    ],
)
def test_only_chosen_sizes_shrink_with_a_warning(
    chosen: dict[str, Any], free: int, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        assert fit_connections(Settings(uvicorn_workers=8, **chosen), free)
    assert [record.levelname for record in caplog.records] == [level]


def test_workers_that_are_never_recycled_need_no_connections_for_successors() -> None:
    settings = Settings(uvicorn_workers=5, limit_max_requests=0)
    assert fit_connections(settings, FREE_BY_DEFAULT) == {}
    assert fit_connections(settings.model_copy(update={"limit_max_requests": 1}), FREE_BY_DEFAULT)


@pytest.mark.parametrize(
    ("variables", "workers"),
    [
        ({"WEB_CONCURRENCY": "3"}, 3),
        ({"WEB_CONCURRENCY": "3", "UVICORN_WORKERS": "2"}, 2),
        ({"WEB_CONCURRENCY": "3", "UVICORN_WORKERS": ""}, 3),
        ({"WEB_CONCURRENCY": "", "UVICORN_WORKERS": ""}, 64),
    ],
)
def test_number_of_workers(variables: dict[str, str], workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.settings.usable_cores", lambda: 100)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert load_settings().uvicorn_workers == workers


def test_a_worker_has_the_settings_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.settings._inherited", [])
    inherit_settings(Settings(api_port=9000))
    monkeypatch.setenv("API_PORT", "nonsense")
    assert load_settings().api_port == 9000
