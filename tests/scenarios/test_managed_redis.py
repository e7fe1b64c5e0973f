"""Coherence with a managed Redis: TLS, and a user with the documented rights on the keys of its own shop."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import httpx2
import psycopg2
import pytest

from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.embedded.servers import SUPERUSER, PostgresServer, ValkeyServer
from infrastructure.redis.key_prefix import DATABASE_IDENTITY, derived_prefix
from tests.certificates import Authority
from tests.infrastructure.redis.test_failures import PASSWORD as USER_PASSWORD
from tests.infrastructure.redis.test_failures import documented_rule
from tests.proxy import Proxy
from tests.scenarios.test_coherence import (
    LIMIT,
    Race,
    Site,
    count_local,
    run_race,
    wait_for_hits,
    wait_for_writes,
)
from tests.servers import VALKEY_PASSWORD, address, freeze, kill, postgres_server, running_app, thaw, until

USER = "shop"


class ManagedServer(ValkeyServer):
    """Valkey with a user who may use only the keys of one shop. It has the user after a restart, too."""

    rule = ""

    def _prepare(self) -> None:
        super()._prepare()
        with self._config.open("a") as config:
            config.write(f"user {USER} >{USER_PASSWORD} {self.rule}\n")


def prefix_of(postgres: PostgresServer) -> str:
    connection = psycopg2.connect(
        host=LOOPBACK, port=postgres.port, user=SUPERUSER, password=postgres.password, dbname="ecommerce_db"
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(DATABASE_IDENTITY)
        system_identifier, oid = cursor.fetchone() or ("", 0)
    connection.close()
    return derived_prefix(system_identifier, oid)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("managed")
    authority = Authority(folder)
    with ExitStack() as stack:
        postgres = stack.enter_context(postgres_server(folder / "postgres"))
        valkey = ManagedServer(folder / "valkey", free_port(), VALKEY_PASSWORD, fast=True)
        valkey.rule = " ".join(documented_rule(prefix_of(postgres)))
        stack.enter_context(valkey)
        proxy = stack.enter_context(Proxy(valkey.port, authority.server_context("localhost")))
        environment = address(postgres) | {
            "REDIS_URL": f"rediss://{USER}:{quote(USER_PASSWORD, safe='')}@localhost:{proxy.port}/0",
            "REDIS_CA_FILE": str(authority.file),
            "RATE_LIMIT_ENABLED": "true",
            "RATE_LIMIT_CALLS": str(LIMIT),
            "LIMIT_MAX_REQUESTS": "0",
        }
        site = Site(valkey, stack.enter_context(running_app(folder, environment)), environment)
        until(lambda: site.health() == "healthy")
        yield site


def test_requests_are_limited_exactly(site: Site) -> None:
    headers = {"X-Forwarded-For": "198.51.100.7"}
    with httpx2.Client(base_url=site.app.url, timeout=20) as client, ThreadPoolExecutor(20) as threads:
        statuses = Counter(threads.map(lambda _: client.get("/categories", headers=headers).status_code, range(200)))
    assert set(statuses) == {200, 429}
    until(lambda: LIMIT <= statuses[200] <= LIMIT + count_local(site), 10)


def test_reads_are_never_stale(site: Site) -> None:
    def killed_and_frozen(running: Race) -> None:
        wait_for_hits(running)
        kill(site.valkey)
        wait_for_writes(running)
        site.valkey.start()
        until(lambda: site.health() == "healthy")
        wait_for_hits(running)
        freeze(site.valkey)
        wait_for_writes(running)
        thaw(site.valkey)
        until(lambda: site.health() == "healthy")
        wait_for_hits(running)

    run_race(site, killed_and_frozen)
