"""Servers of the demo: PostgreSQL with two standbys, a cluster of Valkey, PgBouncer, nginx, two instances."""

import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common.programs import UNREACHABLE, Program, ours
from benchmarks.common.rounds import fetch
from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK
from infrastructure.embedded.servers import PostgresServer
from migrations.runner import migrate
from scripts.demo.fill import fill
from tests.nginx import find_nginx, running_nginx
from tests.pgbouncer import PROGRAM, pgbouncer
from tests.proxy import Proxy
from tests.redis_topologies import Cluster, cluster
from tests.replication import Standby, run, standby_of
from tests.servers import address, postgres_server, until

PRODUCTS = 1000
INSTANCES = 2
SAMPLE = re.compile(r'^(\w+)(?:\{server="([^"]+)"\})? ([\d.e+-]+)$', re.MULTILINE)
# An instance that refuses a connection gets no requests for 2 s. A write that it has accepted is not repeated.
LOCATIONS = """
location / {
    proxy_pass http://instances;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_connect_timeout 2s;
    proxy_next_upstream error timeout;
    error_page 502 504 =503 /unavailable;
}
location = /unavailable { internal; return 503; }
"""


@dataclass
class Site:
    """All servers. The service reaches the primary by `path`, which leads to another server after a failover."""

    primary: PostgresServer
    standbys: list[Standby]
    nodes: Cluster
    path: Proxy
    instances: list[Program]
    entrances: list[str]
    """The URL of nginx, or those of the instances."""

    def metrics(self, instance: Program) -> list[tuple[str, str, float]]:
        """Return the samples of an instance without other labels than `server`: name, server, value."""
        text = fetch(f"{instance.url}/metrics")[1].decode()
        return [(name, server, float(value)) for name, server, value in SAMPLE.findall(text)]

    def uses(self, standby: Standby) -> bool:
        """Return True if all instances read from this standby."""
        wanted = "db_replica_used", f"{LOOPBACK}:{standby.port}", 1.0
        return all(wanted in self.metrics(instance) for instance in self.instances)

    def is_healthy(self) -> bool:
        return all(b'"healthy"' in fetch(f"{instance.url}/health_check")[1] for instance in self.instances)


def start(stack: ExitStack, folder: Path) -> Site:
    """Start all servers and fill the shop. Leaving the stack stops them."""
    tell("starting PostgreSQL with two standbys")
    primary = stack.enter_context(postgres_server(folder / "primary"))
    standbys = [stack.enter_context(standby_of(primary, folder / f"standby{number}")) for number in (1, 2)]
    # Every answered write is on a standby, too, so the failover loses none.
    run(primary, "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'")
    run(primary, "SELECT pg_reload_conf()")
    tell("starting a cluster of Valkey: three masters, and a replica of each")
    nodes = stack.enter_context(cluster(folder / "valkey"))
    environment = address(primary) | nodes.environment()
    tell(f"filling a shop of {PRODUCTS} products")
    settings = Settings(_env_file=None, **{name.lower(): value for name, value in environment.items()})
    migrate(settings)
    fill(settings, PRODUCTS, seed=1)
    path = stack.enter_context(Proxy(primary.port))
    environment["POSTGRES_PORT"] = str(pooled(stack, path))
    environment["DATABASE_REPLICA_URLS"] = ",".join(f"postgresql://{LOOPBACK}:{each.port}" for each in standbys)
    instances = [instance(stack, folder, number, environment) for number in range(1, INSTANCES + 1)]
    for each in instances:
        each.wait()
    site = Site(primary, standbys, nodes, path, instances, entrances(stack, instances))
    until(lambda: site.is_healthy() and all(map(site.uses, standbys)), 60)
    return site


def pooled(stack: ExitStack, path: Proxy) -> int:
    """Return the port that leads to the primary: that of PgBouncer if it is installed."""
    if not PROGRAM:
        tell("PgBouncer is not installed, so the instances use PostgreSQL directly")
        return path.port
    tell("starting PgBouncer")
    return stack.enter_context(pgbouncer(path.port, pool_size=20, settings="server_login_retry = 1"))


def instance(stack: ExitStack, folder: Path, number: int, environment: dict[str, str]) -> Program:
    tell(f"starting instance {number}")
    limit = {"RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_CALLS": UNREACHABLE}
    started = ours(f"instance {number}", environment, workers=1, **limit)
    stack.callback(started.stop)
    started.start(folder)
    return started


def entrances(stack: ExitStack, instances: list[Program]) -> list[str]:
    program = find_nginx()
    if not program:
        tell("nginx is not installed, so the customers ask the instances directly")
        return [each.url for each in instances]
    tell("starting nginx")
    servers = "".join(f"server {LOOPBACK}:{each.port} max_fails=1 fail_timeout=2s; " for each in instances)
    http = f"error_log /dev/null; upstream instances {{ {servers} keepalive 32; }}"
    return [stack.enter_context(running_nginx(program, LOCATIONS, http))]


def tell(text: str) -> None:
    print(f"{text} ...", flush=True)
