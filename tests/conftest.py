"""Fixtures: real servers for the session, one application, and a rolled-back transaction for each test."""

import logging
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from config.redis_config import redis_client
from config.settings import Settings
from infrastructure.embedded.ports import free_port
from infrastructure.embedded.servers import PostgresServer, ValkeyServer
from infrastructure.postgres.database import Database
from infrastructure.redis.availability.membership import LAST_DROP, MEMBERS, ROOT_STAMP
from migrations.runner import migrate
from services.caching.database_watch import DATABASE
from tests.credentials import Clock, Issuer
from tests.database import StatementCounter, counted_statements, empty_tables, outer_transaction
from tests.factories import Factory
from tests.paid_shop import PaidShop
from tests.payment_provider import ProviderDouble
from tests.servers import (
    PASSWORD,
    VALKEY_PASSWORD,
    address,
    postgres_server,
    superuser_url,
    until,
    valkey_server,
)

logging.getLogger("httpx2").setLevel(logging.WARNING)  # one line per request is too much

# The addresses are known before the tests are collected, so that a test module can make an application of its own. The
# fixture `settings` starts the servers.
POSTGRES = PostgresServer(Path(), free_port(), PASSWORD)
VALKEY = ValkeyServer(Path(), free_port(), VALKEY_PASSWORD)
os.environ.update(address(POSTGRES) | address(VALKEY))

UNLIMITED: dict[str, Any] = {
    "rate_limit_enabled": False,
    "log_to_file": False,
    "audit_interval": 3600,
    "payment_sweep_interval": 3600,
    "webhook_allow_private": True,
    "db_pool_size": 20,
    "db_max_overflow": 5,
}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape lone surrogates in captured output. The processes of pytest-xdist send their reports as UTF-8."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Start the session's servers at the exported addresses, and create the tables."""
    folder = tmp_path_factory.mktemp("servers")
    with postgres_server(folder / "postgres", POSTGRES.port), valkey_server(folder / "valkey", VALKEY.port):
        settings = Settings(**UNLIMITED)
        migrate(settings)
        yield settings


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """Start a server for one module, which may stop or flush it."""
    with valkey_server(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(autouse=True)
def servers_of_own_applications(request: pytest.FixtureRequest) -> None:
    """Start the servers for a module that makes an application without fixtures: `TestClient(create_fastapi_app())`."""
    if hasattr(request.module, "create_fastapi_app"):
        request.getfixturevalue("settings")


@pytest.fixture(scope="session")
def committing(settings: Settings) -> Iterator[Database]:
    """Yield the database as the service has it, with real commits."""
    database = Database(settings)
    yield database
    database.close()


@pytest.fixture(scope="session")
def superuser(settings: Settings) -> Engine:
    """Return an engine for what neither of the service's roles may do."""
    return create_engine(superuser_url(settings), poolclass=NullPool, isolation_level="AUTOCOMMIT")


@pytest.fixture(scope="session")
def app(settings: Settings) -> FastAPI:
    from main import create_fastapi_app

    return create_fastapi_app(settings)


@pytest.fixture(scope="session")
def running_app(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def empty_cache(settings: Settings) -> None:
    """Delete all keys but those of the membership: without them the workers join again, and may drop new entries."""
    where = settings.redis_address()
    assert where
    with redis_client(where) as server:
        keys: Any = server.keys("*")
        server.unlink(ROOT_STAMP, *(key for key in keys if not key.decode().endswith((MEMBERS, LAST_DROP, DATABASE))))


@pytest.fixture
def client(
    app: FastAPI, running_app: TestClient, committing: Database, settings: Settings, empty_cache: None
) -> Iterator[TestClient]:
    """Yield a client of the application; all its requests run in one transaction that is rolled back."""
    app_context = app.state.app_context
    own = app_context.database
    with outer_transaction(committing, settings) as database:
        app_context.database = database
        yield running_app
        app_context.database = own


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    issuer.start()
    yield issuer
    issuer.stop()


@pytest.fixture(scope="session")
def guarded_app(settings: Settings, issuer: Issuer) -> FastAPI:
    """Return the application with authentication by API keys and tokens."""
    from main import create_fastapi_app

    return create_fastapi_app(settings.model_copy(update={"auth_mode": "both", **issuer.settings()}))


@pytest.fixture(scope="session")
def running_guarded_app(guarded_app: FastAPI) -> Iterator[TestClient]:
    with TestClient(guarded_app, raise_server_exceptions=False) as client:
        until(lambda: guarded_app.state.app_context.redis.is_up)
        yield client


@pytest.fixture
def guarded(
    app: FastAPI, guarded_app: FastAPI, client: TestClient, running_guarded_app: TestClient
) -> Iterator[TestClient]:
    """Yield a client of the guarded application, in the transaction of `client`."""
    app_context = guarded_app.state.app_context
    own, app_context.database = app_context.database, app.state.app_context.database
    yield running_guarded_app
    app_context.refusals.take()
    app_context.database = own


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the clock of the credential caches, for applications created afterwards."""
    clock = Clock()
    for module in (
        "services.auth.authenticator",
        "services.auth.signing_keys",
    ):
        monkeypatch.setattr(f"{module}.time", clock)
    return clock


@pytest.fixture
def committing_client(
    app: FastAPI, running_app: TestClient, committing: Database, empty_cache: None
) -> Iterator[TestClient]:
    """Yield a client with real commits, for concurrency tests; empty the tables afterwards."""
    yield running_app
    app.state.app_context.in_doubt._writes.clear()
    empty_tables(committing)


@pytest.fixture
def make(client: TestClient) -> Factory:
    return Factory(client)


@pytest.fixture
def provider(app: FastAPI) -> Iterator[ProviderDouble]:
    """Add the payment provider `double` to the application."""
    app_context = app.state.app_context
    double, own = ProviderDouble(), app_context.providers
    app_context.providers = {**own, "double": double}
    yield double
    app_context.providers = own


@pytest.fixture
def shop(client: TestClient, make: Factory, app: FastAPI) -> PaidShop:
    return PaidShop(client, make, app)


@pytest.fixture
def committing_shop(committing_client: TestClient, app: FastAPI) -> PaidShop:
    return PaidShop(committing_client, Factory(committing_client), app)


@pytest.fixture
def statements(committing: Database) -> Iterator[StatementCounter]:
    with counted_statements(committing) as counter:
        yield counter
