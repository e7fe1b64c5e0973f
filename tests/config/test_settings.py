"""Settings: documentation, bounds, and messages about wrong values."""

import re
from pathlib import Path
from typing import Any, Literal

import pytest

from config.settings import Settings, inherit_settings, load_settings
from infrastructure.environment import secret_variables
from infrastructure.postgres.replication.addresses import settings_of_replicas
from infrastructure.redis.address import RedisAddress, parse_sentinel
from run_production import ConnectionLimit, fit_connections, fit_replica_connections, table
from tests.certificates import Authority
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


@pytest.mark.parametrize("document", [".env.example", "docs/OPERATIONS.md"])
def test_the_documents_name_the_file_of_each_secret(document: str) -> None:
    start = (ROOT / document).read_text().partition("ecrets")[2]
    listed = re.match(r"[^:]+from files[^:]*:([^.]+)\.", start)
    assert listed
    assert re.findall(r"(\w+)_FILE", listed[1]) == secret_variables(Settings.model_fields)


WRONG = {
    "POSTGRES_PORT": "0",
    "DB_POOL_SIZE": "-1",
    "DB_MAX_OVERFLOW": "many",
    "DB_POOL_TIMEOUT": "0",
    "DB_STATEMENT_TIMEOUT": "601",
    "REDIS_ENABLED": "perhaps",
    "REDIS_DB": "16",
    "REDIS_PREFIX": "a*b",
    "API_PORT": "65536",
    "UVICORN_WORKERS": "0",
    "LIMIT_MAX_REQUESTS": "-1",
    "TIMEOUT_REQUEST_HEADER": "nan",
    "COMPRESSION": "fast",
    "RATE_LIMIT_CALLS": "0",
    "RATE_LIMIT_PERIOD": "1.5",
    "TRUSTED_PROXIES": "10.0.0.0/33",
    "AUTH_MODE": "open",
    "AUDIT_ENABLED": "perhaps",
    "LOG_LEVEL": "LOUD",
    "LOG_FORMAT": "xml",
    "LOW_STOCK_THRESHOLD": "-1",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
}


@pytest.mark.parametrize(("name", "value"), WRONG.items())
def test_a_wrong_value_stops_the_start_with_one_line(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as stopped:
        load_settings()
    assert re.fullmatch(rf"{name}={re.escape(value)}: .+", str(stopped.value))


@pytest.mark.parametrize(
    ("value", "path"),
    {"/api/v1": "/api/v1", "/api/v1/": "/api/v1", "/": "", "": "", "/shop-1.0~_": "/shop-1.0~_"}.items(),
)
def test_root_path(value: str, path: str) -> None:
    assert Settings(root_path=value).root_path == path


@pytest.mark.parametrize(
    "value",
    [
        *("api", "https://x.example/api", "/a//b", "//a", "/a b", "/a/../b", "/.", "/ä", "/a?b", "/a%20b", "/a\nb"),
        *("/{id}", "/products", "/docs/v1"),
    ],
)
def test_a_wrong_root_path_stops_the_start_with_one_line(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOT_PATH", value)
    with pytest.raises(SystemExit) as stopped:
        load_settings()
    assert re.fullmatch(r"ROOT_PATH=[^\n]+: must [^\n]+ \(as /api/v1, or empty\)", str(stopped.value))


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


def told(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    """Return the message with which a start with these variables ends."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as stopped:
        load_settings()
    return str(stopped.value)


def test_a_wrong_switch_names_the_allowed_values(monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(r"RELOAD=perhaps: .+ \(true or false\)", told(monkeypatch, RELOAD="perhaps"))


@pytest.mark.parametrize(("name", "allowed"), [("PORT", "TCP port"), ("WEB_CONCURRENCY", "processes")])
def test_the_variable_that_was_set_is_named(name: str, allowed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(rf"{name}=abc: .+ \({allowed}, .+\)", told(monkeypatch, **{name: "abc"}))


def test_a_value_with_line_breaks_gets_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, BACKLOG="20\n48\x1b[1m").startswith("BACKLOG=20\\n48\\x1b[1m: ")


def test_a_long_value_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(r"BACKLOG=x{300}\.\.\.: .+", told(monkeypatch, BACKLOG="x" * 100_000))


WRONG_URLS = {
    ("REDIS_URL", "redis://h/abc"): "the database must be a number, 0-15",
    ("REDIS_URL", "redis://h/99"): "the database must be a number, 0-15",
    ("REDIS_URL", "redis://h/-1"): "the database must be a number, 0-15",
    ("REDIS_URL", "redis://h/1/2"): "the database must be a number, 0-15",
    ("REDIS_URL", "redis://h?db=x"): "the database must be a number, 0-15",
    ("REDIS_URL", "redis://h?timeout=5"): "the only parameter is db",
    ("RATE_LIMIT_REDIS_URL", "redis://h/99"): "the database must be a number, 0-15",
    ("REDIS_URL", "redis://h:99999"): "must be redis://user:password@host:port/db",
    ("REDIS_URL", "redis://h:0"): "must be redis://user:password@host:port/db",
    ("REDIS_URL", "redis://:hunter2"): "must be redis://user:password@host:port/db",
    ("REDIS_URL", "redis://:hunt#er2@h"): "must be redis://user:password@host:port/db",
    ("REDIS_URL", "redis://[::1/2"): "must be redis://user:password@host:port/db",
    ("REDIS_URL", "http://:hunter2@h"): "must start with redis://",
    ("REDIS_URL", "hunter2"): "must start with redis://, rediss:// (TLS) or unix://",
    ("REDIS_URL", "unix://host/redis.sock"): "must be unix:///path?db=0",
    ("REDIS_URL", "unix://"): "must be unix:///path?db=0",
    ("REDIS_URL", "unix://u:hunter2@/redis.sock?db=99"): "the database must be a number, 0-15",
    ("REDIS_URL", "rediss://u:hunter2@h?ssl_cert_reqs=none"): "the only parameter is db",
    ("DATABASE_URL", "mysql://somebody:hunter2@host/db"): "must start with postgresql://",
    ("DATABASE_URL", "postgresql://u:hunter2@h:abc/db"): "must be postgresql://user:password@host:port/database",
    ("DATABASE_URL", "postgresql://u:hunter2@h/db?sslmod=require"): 'invalid connection option "sslmod"',
    ("DATABASE_URL", "postgresql:hunter2"): "must be postgresql://user:password@host:port/database",
    ("MIGRATION_DATABASE_URL", "mysql://somebody:hunter2@host/db"): "must start with postgresql://",
    ("MIGRATION_DATABASE_URL", "postgresql://u:hunter2@h/db"): "POSTGRES_HOST or DATABASE_URL has to be set",
    ("JWT_SECRET", "https://hunter2"): "must have 32 bytes or more",
}


@pytest.mark.parametrize(("name", "value"), WRONG_URLS, ids=[f"{name}-{value}" for name, value in WRONG_URLS])
def test_a_wrong_url_gets_one_line_without_its_secret(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_MODE", "jwt")
    for needed in ("JWT_ISSUER", "JWT_AUDIENCE"):
        monkeypatch.setenv(needed, "x")
    monkeypatch.setenv("JWT_SECRET", "s" * 32)
    message = told(monkeypatch, **{name: value})
    [line] = message.splitlines()
    assert line.startswith(f"{name}=")
    assert WRONG_URLS[name, value] in line
    assert "hunter2" not in line
    assert "hunt#er2" not in line


def test_a_wrong_url_shows_host_and_database(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, REDIS_URL="redis://h/99").startswith("REDIS_URL=redis://h/99: ")
    with_password = told(monkeypatch, REDIS_URL="redis://:hunter2@h:6379/99")
    assert with_password.startswith("REDIS_URL=redis://(secret)@h:6379/99: ")


SOCKET = RedisAddress("localhost", 6379, 0, "", path="/run/redis.sock")
ADDRESSES: list[tuple[dict[str, str], RedisAddress]] = [
    ({"REDIS_HOST": "h"}, RedisAddress("h", 6379, 0, "")),
    (
        {"REDIS_HOST": "h", "REDIS_PORT": "7000", "REDIS_DB": "3"},
        RedisAddress("h", 7000, 3, ""),
    ),
    (
        {"REDIS_HOST": "h", "REDIS_USERNAME": "shop", "REDIS_PASSWORD": "p@ss"},
        RedisAddress("h", 6379, 0, "p@ss", "shop"),
    ),
    ({"REDIS_URL": "redis://h"}, RedisAddress("h", 6379, 0, "")),
    ({"REDIS_URL": "redis://h/"}, RedisAddress("h", 6379, 0, "")),
    ({"REDIS_URL": "redis://h/15"}, RedisAddress("h", 6379, 15, "")),
    ({"REDIS_URL": "redis://h?db=2"}, RedisAddress("h", 6379, 2, "")),
    ({"REDIS_URL": "redis://h/1?db=2"}, RedisAddress("h", 6379, 2, "")),  # as redis-py does
    ({"REDIS_URL": "redis://[::1]:7000/1"}, RedisAddress("::1", 7000, 1, "")),
    ({"REDIS_URL": "redis://:p%40ss%2F%25@h"}, RedisAddress("h", 6379, 0, "p@ss/%")),
    ({"REDIS_URL": "redis://sh%3Aop:p%23@h"}, RedisAddress("h", 6379, 0, "p#", "sh:op")),
    ({"REDIS_URL": "rediss://shop:p@h:7000"}, RedisAddress("h", 7000, 0, "p", "shop", is_tls=True)),
    ({"REDIS_URL": "unix:///run/redis.sock"}, SOCKET),
    ({"REDIS_URL": "unix:///run/redis.sock?db=4"}, SOCKET._replace(db=4)),
    ({"REDIS_URL": "unix://shop:p@/run/redis.sock"}, SOCKET._replace(username="shop", password="p")),
    (
        {"REDIS_URL": "redis://h:7000", "REDIS_HOST": "i", "REDIS_PORT": "8000", "REDIS_DB": "3"},
        RedisAddress("h", 7000, 0, ""),
    ),
    (
        {"REDIS_URL": "redis://h", "REDIS_USERNAME": "shop", "REDIS_PASSWORD": "p"},
        RedisAddress("h", 6379, 0, "p", "shop"),
    ),
    (
        {"REDIS_URL": "redis://a:b@h", "REDIS_USERNAME": "shop", "REDIS_PASSWORD": "p"},
        RedisAddress("h", 6379, 0, "b", "a"),
    ),
]


@pytest.mark.parametrize(("given", "address"), ADDRESSES, ids=[" ".join(given.values()) for given, _ in ADDRESSES])
def test_the_address_of_redis(given: dict[str, str], address: RedisAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert load_settings().redis_address() == address


def test_the_authority_of_redis(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = Authority(tmp_path).file
    monkeypatch.setenv("REDIS_URL", "rediss://h")
    monkeypatch.setenv("REDIS_CA_FILE", str(file))
    address = load_settings().redis_address()
    assert address
    assert address.ca_file == file
    (tmp_path / "no.pem").write_text("no certificate")
    assert "no PEM file with certificates" in told(monkeypatch, REDIS_CA_FILE=str(tmp_path / "no.pem"))
    assert "No such file or directory" in told(monkeypatch, REDIS_CA_FILE=str(tmp_path / "nowhere.pem"))
    assert "needs REDIS_URL=rediss://" in told(monkeypatch, REDIS_CA_FILE=str(file), REDIS_URL="redis://h")


def test_a_user_needs_a_configured_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "REDIS_HOST or REDIS_URL has to be set, too" in told(monkeypatch, REDIS_USERNAME="shop")


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u:p@h/db",
        "postgresql+psycopg2://u:p@h/db",
        "postgresql:///db?host=/var/run/postgresql",
        "postgresql://u:p@/db?host=h1:5432&host=h2:5433&target_session_attrs=primary",
        "postgresql://u:p@h/db?options=-csearch_path%3Dapp",
    ],
)
def test_usual_database_urls_are_accepted(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert load_settings().sqlalchemy_url().drivername == "postgresql+psycopg2"


def test_migrations_have_their_own_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@pool:6432/shop")
    assert load_settings().migration_url() == load_settings().sqlalchemy_url()
    monkeypatch.setenv("MIGRATION_DATABASE_URL", "postgres://owner@db:5432/shop")
    url = load_settings().migration_url()
    assert (url.drivername, url.username, url.host, url.port) == ("postgresql+psycopg2", "owner", "db", 5432)
    assert load_settings().sqlalchemy_url().host == "pool"
    assert load_settings().service_role() == "app"


@pytest.mark.parametrize("password", ["", "owner's"])
def test_the_owner_has_no_password_of_the_service(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app:secret@pool:6432/shop")
    assert load_settings().service_role() is None
    monkeypatch.setenv("POSTGRES_OWNER", "owner")
    monkeypatch.setenv("POSTGRES_OWNER_PASSWORD", password)
    url = load_settings().migration_url()
    assert (url.username, url.password, url.host, url.database) == ("owner", password, "pool", "shop")
    assert load_settings().service_role() == "app"


VERIFIABLE = {
    "AUTH_MODE": "jwt",
    "JWT_SECRET": "s" * 32,
    "JWT_ISSUER": "https://id.example.com/",
    "JWT_AUDIENCE": "shop",
}

UNVERIFIABLE = {
    "no key": ({"JWT_SECRET": ""}, "AUTH_MODE={mode}: needs JWT_JWKS_URL (or JWT_SECRET)"),
    "no issuer": ({"JWT_ISSUER": ""}, "AUTH_MODE={mode}: needs JWT_ISSUER"),
    "no audience": ({"JWT_AUDIENCE": ""}, "AUTH_MODE={mode}: needs JWT_AUDIENCE"),
    "neither": ({"JWT_ISSUER": "", "JWT_AUDIENCE": ""}, "AUTH_MODE={mode}: needs JWT_ISSUER, JWT_AUDIENCE"),
    "short secret": ({"JWT_SECRET": "hunter2" * 4}, "JWT_SECRET=(secret): must have 32 bytes or more"),
    "keys over http": (
        {"JWT_JWKS_URL": "http://u:hunter2@id.example.com/keys?a=b"},
        "JWT_JWKS_URL=http://(secret)@id.example.com/keys?a=b: must start with https://",
    ),
    "keys of a file": ({"JWT_JWKS_URL": "file:///etc/keys"}, "JWT_JWKS_URL=file:///etc/keys: must start with https://"),
    "keys of a host like localhost": ({"JWT_JWKS_URL": "http://localhost.example.com/"}, "must start with https://"),
}


@pytest.mark.parametrize("mode", ["jwt", "both"])
@pytest.mark.parametrize(("wrong", "message"), UNVERIFIABLE.values(), ids=UNVERIFIABLE)
def test_tokens_that_could_not_be_verified_stop_the_start(
    wrong: dict[str, str], message: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**VERIFIABLE, "AUTH_MODE": mode, **wrong}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as stopped:
        load_settings()
    assert message.format(mode=mode) in str(stopped.value)
    assert "hunter2" not in str(stopped.value)
    monkeypatch.setenv("AUTH_MODE", "api_key")
    assert not load_settings().takes_tokens


def test_authentication_by_tokens_alone_names_all_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = "JWT_JWKS_URL (or JWT_SECRET), JWT_ISSUER, JWT_AUDIENCE"
    assert told(monkeypatch, AUTH_MODE="jwt") == f"AUTH_MODE=jwt: needs {needed}"


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
    message = told(monkeypatch, REDIS_PASSWORD_FILE="/nowhere")
    assert message == "REDIS_PASSWORD_FILE=/nowhere: No such file or directory (a file with the secret)"
    (tmp_path / "binary").write_bytes(b"\xff")
    assert "binary: is not UTF-8 text" in told(monkeypatch, REDIS_PASSWORD_FILE=str(tmp_path / "binary"))


def test_an_unreadable_env_file_stops_the_start_with_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"LOG_DIR=\xff\n")
    assert told(monkeypatch) == ".env: is not UTF-8 text"


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
    update = fit_connections(wanted, ConnectionLimit(free))
    fitted = wanted.model_copy(update=update)
    probe = 1
    pools = fitted.db_pool_size + fitted.db_max_overflow
    connections = pools + fitted.db_read_connections + fitted.db_threads + probe
    assert (fitted.uvicorn_workers + 1) * connections <= max(free, 2 * 4), "also for the successor of a worker"
    assert fitted.db_threads <= fitted.db_pool_size
    assert Settings.model_validate(fitted.model_dump()) == fitted


def test_pools_that_fit_stay_as_they_are() -> None:
    assert fit_connections(Settings(uvicorn_workers=4), ConnectionLimit(697)) == {}
    assert fit_connections(Settings(uvicorn_workers=64), None) == {}


FREE_BY_DEFAULT = 97  # max_connections of a new PostgreSQL, without the 3 for superusers


@pytest.mark.parametrize("cores", [1, 2, 3, 4])
def test_the_default_pools_fit_a_default_server(cores: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert fit_connections(Settings(uvicorn_workers=cores), ConnectionLimit(FREE_BY_DEFAULT)) == {}
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
        assert fit_connections(Settings(uvicorn_workers=8, **chosen), ConnectionLimit(free))
    assert [record.levelname for record in caplog.records] == [level]


def test_workers_that_are_never_recycled_need_no_connections_for_successors() -> None:
    settings = Settings(uvicorn_workers=5, limit_max_requests=0)
    assert fit_connections(settings, ConnectionLimit(FREE_BY_DEFAULT)) == {}
    assert fit_connections(settings.model_copy(update={"limit_max_requests": 1}), ConnectionLimit(FREE_BY_DEFAULT))


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
    monkeypatch.setattr("config.settings.server.usable_cores", lambda: 100)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert load_settings().uvicorn_workers == workers


def test_a_worker_has_the_settings_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.settings.loading._inherited", [])
    inherit_settings(Settings(api_port=9000))
    monkeypatch.setenv("API_PORT", "nonsense")
    assert load_settings().api_port == 9000


@pytest.mark.parametrize(
    ("environment", "file", "origins"),
    [
        (None, None, ("*",)),
        ("", None, ()),
        (None, "", ()),
        ("", "https://a.example", ()),
        ("https://a.example", "", ("https://a.example",)),
        ("https://a.example, https://b.example", None, ("https://a.example", "https://b.example")),
    ],
)
def test_a_list_that_is_set_to_nothing_is_empty(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: str | None, file: str | None, origins: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("CORS_ORIGINS", "TRUSTED_PROXIES"):
        monkeypatch.delenv(name, raising=False)
    if environment is not None:
        monkeypatch.setenv("CORS_ORIGINS", environment)
        monkeypatch.setenv("TRUSTED_PROXIES", "")
    if file is not None:
        (tmp_path / ".env").write_text(f"CORS_ORIGINS={file}\n")
    settings = Settings()
    assert settings.cors_origins == origins
    assert bool(settings.trusted_proxies) is (environment is None)


PRIMARY = "postgresql://shop:secret@primary:6432/sales?sslmode=require&target_session_attrs=primary"


@pytest.mark.parametrize(
    ("replica", "url"),
    [
        ("postgresql://r1", "shop:secret@r1/sales?sslmode=require&target_session_attrs=any"),
        ("postgres://reader@r1:5433", "reader@r1:5433/sales?sslmode=require&target_session_attrs=any"),
        ("postgresql://a:b@r1/c?sslmode=disable", "a:b@r1/c?sslmode=disable&target_session_attrs=any"),
    ],
)
def test_a_replica_takes_from_the_primary_what_its_url_lacks(replica: str, url: str) -> None:
    settings = Settings(database_url=PRIMARY, database_replica_urls=f" {replica}, postgresql://r2 ,")
    first, second = (
        one.sqlalchemy_url().render_as_string(hide_password=False) for one in settings_of_replicas(settings)
    )
    assert first == f"postgresql+psycopg2://{url}"
    assert "@r2/" in second


@pytest.mark.parametrize(
    ("urls", "others", "problem"),
    [
        ("postgresql://r1", {}, "POSTGRES_HOST or DATABASE_URL has to be set, too"),
        ("postgresql://r1", {"POSTGRES_HOST": "primary", "REDIS_ENABLED": "false"}, "needs Redis"),
        ("postgresql://r1,r2:hunter2", {"POSTGRES_HOST": "primary"}, "must start with postgresql://"),
        ("postgresql://r1,postgresql://r2?x=hunter2", {"POSTGRES_HOST": "primary"}, 'invalid dsn: invalid .+ "x"'),
    ],
)
def test_wrong_replicas_stop_the_start_with_one_line(
    urls: str, others: dict[str, str], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = told(monkeypatch, DATABASE_REPLICA_URLS=urls, **others)
    assert re.fullmatch(rf"DATABASE_REPLICA_URLS=\(secret\): .*{problem}.*", message)
    assert "hunter2" not in message


@pytest.mark.parametrize(("free", "connections"), [(25, None), (24, 3), (10, 1), (4, 1)])
def test_each_replica_has_a_budget_of_its_own(
    free: int, connections: int | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Shrink nothing but the connections of replicas."""
    limits = {"r1": ConnectionLimit(100), "r2": ConnectionLimit(free), "r3": None}
    monkeypatch.setattr("run_production.connection_limit", lambda settings: limits[settings.sqlalchemy_url().host])
    urls = ",".join(f"postgresql://{name}" for name in limits)
    settings = Settings(database_url=PRIMARY, database_replica_urls=urls, uvicorn_workers=4)
    assert fit_replica_connections(settings) == ({"db_replica_connections": connections} if connections else {})
    assert len(caplog.records) == (connections is not None)
    assert fit_replica_connections(Settings()) == {}


@pytest.mark.parametrize(
    ("value", "place"),
    {"h": ("h", 26379), "h:7000": ("h", 7000), "10.0.0.1:1": ("10.0.0.1", 1), "[::1]:7000": ("::1", 7000)}.items(),
)
def test_the_address_of_a_sentinel(value: str, place: tuple[str, int]) -> None:
    assert parse_sentinel(value) == place


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"REDIS_SENTINELS": "h:26379,h:port"}, "REDIS_SENTINELS=h:26379,h:port: h:port is not host:port"),
        ({"REDIS_SENTINELS": "redis://h"}, "redis://h is not host:port"),
        ({"REDIS_SENTINELS": "user@h"}, "user@h is not host:port"),
        ({"REDIS_SENTINELS": "h:0"}, "h:0 is not host:port"),
        ({"REDIS_SENTINELS": "h", "REDIS_CLUSTER": "true"}, "REDIS_CLUSTER=true: excludes REDIS_SENTINELS"),
        ({"REDIS_SENTINELS": "h", "REDIS_URL": "unix:///r.sock"}, "must not be a Unix socket"),
        ({"REDIS_CLUSTER": "true", "REDIS_URL": "unix:///r.sock"}, "must not be a Unix socket"),
        ({"REDIS_CLUSTER": "true", "REDIS_DB": "1"}, "REDIS_DB=1: must be 0"),
        ({"REDIS_CLUSTER": "true", "REDIS_HOST": ""}, "REDIS_HOST or REDIS_URL has to be set, too"),
    ],
    ids=str,
)
def test_a_wrong_topology_stops_the_start(
    environment: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_HOST", "h")
    [line] = told(monkeypatch, **environment).splitlines()
    assert message in line


def test_sentinels_need_no_host_of_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_HOST", raising=False)
    monkeypatch.setenv("REDIS_SENTINELS", "a:1, b:2")
    settings = load_settings()
    assert settings.redis_sentinels == ("a:1", "b:2")
    assert not settings.embeds_redis


def test_the_address_of_the_limiter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().limiter_address() is None
    monkeypatch.setenv("RATE_LIMIT_REDIS_URL", "redis://shop:p@limits:7000/1")
    assert load_settings().limiter_address() == RedisAddress("limits", 7000, 1, "p", "shop")
    for name in ("RATE_LIMIT_ENABLED", "REDIS_ENABLED"):
        monkeypatch.setenv(name, "false")
        assert load_settings().limiter_address() is None
        monkeypatch.delenv(name)
