"""Groups with Sentinels, and clusters: real servers that tests can kill, freeze, and make change places."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import redis

from config.redis_config import redis_client
from infrastructure.embedded.binaries import valkey_program
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.embedded.servers import ValkeyServer
from tests.certificates import Authority
from tests.redis_links import address_of
from tests.servers import VALKEY_PASSWORD, thaw, until

REDIS_WITH_TLS = shutil.which("redis-server")
GROUP = "shop"
SENTINEL_PASSWORD = "of-the-sentinels"
DOWN_AFTER_MS = 2000, 2000, 3000  # of each Sentinel: at most two stand for election, so one of them wins
# Periods of the Sentinels, shorter than usual. A replica is fit to be promoted if it has answered INFO within five of
# PING-PERIOD, and it is asked once a second when the master is down. A master that nobody elected becomes a replica
# after four of PUBLISH-PERIOD, and a failover needs a second to notice its success.
PERIODS_MS = {"INFO-PERIOD": 1000, "PING-PERIOD": 500, "ASK-PERIOD": 100, "PUBLISH-PERIOD": 500}
SLOTS = 16384


class Node(ValkeyServer):
    """Valkey with further lines of configuration; with TLS, Redis of this machine, because the wheel has none."""

    lines: tuple[str, ...] = ()
    authority: Authority | None = None

    def _prepare(self) -> None:
        super()._prepare()
        with self._config.open("a") as config:
            config.write(
                "\n".join((f"dir {self.folder}", f"masterauth {self.password}", *self.lines, *self._tls(), ""))
            )

    def _tls(self) -> list[str]:
        if self.authority is None:
            return []
        file = self.authority.certify(LOOPBACK)
        files = f"tls-cert-file {file}", f"tls-key-file {file}", f"tls-ca-cert-file {self.authority.file}"
        return ["port 0", f"tls-port {self.port}", *files, "tls-auth-clients no", "tls-replication yes"]

    def _program(self) -> str:
        return str(REDIS_WITH_TLS) if self.authority else str(valkey_program())

    def _command(self) -> list[str]:
        return [self._program(), str(self._config)]

    def _accepts_connections(self) -> bool:
        try:
            return bool(self.run("PING"))
        except (OSError, redis.RedisError):
            return False

    def run(self, *words: object) -> Any:
        """Return the raw reply. Raise OSError without one."""
        try:
            file = self.authority.file if self.authority else None
            with redis_client(address_of(self)._replace(is_tls=file is not None, ca_file=file)) as client:
                untyped: Any = client
                return untyped.execute_command(*words)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise OSError(str(error)) from error

    @property
    def place(self) -> tuple[str, int]:
        return LOOPBACK, self.port

    def is_replica(self) -> bool:
        return bool(self.run("ROLE")[0] == b"slave")


class Sentinel(Node):
    def _prepare(self) -> None:
        self._config = self.folder / "sentinel.conf"
        if not self._config.exists():
            self._config.touch(mode=0o600)
            self._config.write_text("\n".join((f"dir {self.folder}", *self.lines, *self._tls(), "")))

    def _command(self) -> list[str]:
        return [*super()._command(), "--sentinel"]


class SentinelGroup:
    """A master, two replicas, and three Sentinels."""

    def __init__(self, folder: Path, stack: ExitStack, authority: Authority | None) -> None:
        first, *replicas = self.nodes = _new_nodes(folder, 3, authority)
        _start(stack, first, "repl-diskless-sync-delay 0")
        for replica in replicas:
            _start(stack, replica, "repl-diskless-sync-delay 0", f"replicaof {LOOPBACK} {first.port}")
        self.sentinels = [Sentinel(folder / f"sentinel-{n}", free_port(), SENTINEL_PASSWORD) for n in range(3)]
        for sentinel in self.sentinels:
            sentinel.authority = authority
            self._start_sentinel(stack, sentinel, first)
        until(self.is_complete)

    def environment(self) -> dict[str, str]:
        return {
            "REDIS_SENTINELS": ",".join(f"{LOOPBACK}:{sentinel.port}" for sentinel in self.sentinels),
            "REDIS_SENTINEL_MASTER": GROUP,
            "REDIS_SENTINEL_PASSWORD": SENTINEL_PASSWORD,
            "REDIS_PASSWORD": VALKEY_PASSWORD,
        } | _tls_settings(self.nodes[0])

    def is_complete(self) -> bool:
        """Return True if all Sentinels know each other, and two replicas that are fit to replace the master."""
        return all(map(self._knows_all, self.sentinels)) and len(set(map(self._named_by, self.sentinels))) == 1

    def _knows_all(self, sentinel: Sentinel) -> bool:
        facts = sentinel.run("SENTINEL", "MASTER", GROUP)
        replicas = sentinel.run("SENTINEL", "REPLICAS", GROUP)
        are_fit = len(replicas) == 2 and all(
            (replica[b"flags"], replica.get(b"master-link-status")) == (b"slave", b"ok") for replica in replicas
        )
        return are_fit and (facts[b"num-other-sentinels"], facts[b"flags"]) == (b"2", b"master")

    def master(self) -> Node:
        """Return the server that the majority of the Sentinels names."""
        named = sorted(self._named_by(sentinel) for sentinel in self.sentinels)
        [node] = [node for node in self.nodes if node.port == named[1]]
        return node

    def fail_over(self) -> None:
        """Make another server the master while the present one works."""
        former = self.master()
        until(lambda: self._has_replaced(former), 60)

    def _has_replaced(self, former: Node) -> bool:
        """Demand a failover unless one is under way. Sentinel gives up if its replicas are not fit for it yet."""
        first = self.sentinels[0]
        if self._named_by(first) == former.port:
            with suppress(redis.ResponseError):  # INPROG, NOGOODSLAVE
                first.run("SENTINEL", "FAILOVER", GROUP)
        return self.master() is not former

    def _start_sentinel(self, stack: ExitStack, sentinel: Sentinel, master: Node) -> None:
        down_after = DOWN_AFTER_MS[self.sentinels.index(sentinel)]
        _start(
            stack,
            sentinel,
            *(f"bind {LOOPBACK}", f"port {sentinel.port}", f"requirepass {sentinel.password}"),
            *(f"sentinel sentinel-pass {sentinel.password}", f"sentinel monitor {GROUP} {LOOPBACK} {master.port} 2"),
            *(f"sentinel auth-pass {GROUP} {master.password}", f"sentinel parallel-syncs {GROUP} 2"),
            *(f"sentinel down-after-milliseconds {GROUP} {down_after}", f"sentinel failover-timeout {GROUP} 3000"),
        )
        sentinel.run("SENTINEL", "DEBUG", *(word for pair in PERIODS_MS.items() for word in pair))

    def _named_by(self, sentinel: Sentinel) -> int:
        return int(sentinel.run("SENTINEL", "GET-MASTER-ADDR-BY-NAME", GROUP)[1])


class Cluster:
    """Three masters with equal ranges of slots, and three replicas."""

    def __init__(self, folder: Path, stack: ExitStack, authority: Authority | None) -> None:
        lines = ["cluster-enabled yes", "cluster-node-timeout 2000", "repl-diskless-sync-delay 0"]
        if authority:
            lines.append("tls-cluster yes")
        self.nodes = _new_nodes(folder, 6, authority)
        for node in self.nodes:
            _start(stack, node, *lines, f"cluster-port {free_port()}")
        self.names: dict[str, Node] = {node.run("CLUSTER", "MYID").decode(): node for node in self.nodes}
        for number, node in enumerate(self.nodes[:3]):
            last = SLOTS * (number + 1) // 3 - 1
            node.run("CLUSTER", "ADDSLOTSRANGE", SLOTS * number // 3, last)
        first, *others = self.nodes
        for node in others:
            bus = node.lines[-1].split()[1]
            first.run("CLUSTER", "MEET", LOOPBACK, node.port, bus)
        until(lambda: all(node.run("CLUSTER", "NODES").count(b" connected") == 6 for node in self.nodes))
        for master, replica in zip(self.nodes[:3], self.nodes[3:], strict=True):
            replica.run("CLUSTER", "REPLICATE", self.name_of(master))
        until(self.is_complete)

    def environment(self) -> dict[str, str]:
        first = self.nodes[0]
        return {
            "REDIS_CLUSTER": "true",
            "REDIS_HOST": LOOPBACK,
            "REDIS_PORT": str(first.port),
            "REDIS_PASSWORD": first.password,
        } | _tls_settings(first)

    def is_complete(self) -> bool:
        """Return True if all nodes agree, and each of three masters has a replica."""
        views = [node.run("CLUSTER", "SLOTS") for node in self.nodes]
        shapes = {tuple(sorted((low, high, *_ports(nodes)) for low, high, *nodes in view)) for view in views}
        return len(shapes) == 1 and all(len(nodes) == 2 for _, _, *nodes in views[0])

    def name_of(self, node: Node) -> str:
        return next(name for name, other in self.names.items() if other is node)

    def owner(self, slot: int) -> Node:
        """Return the node that the majority of the running nodes takes for the owner of the slot."""
        named = []
        for node in self.nodes:
            try:
                ranges = node.run("CLUSTER", "SLOTS")
            except OSError:
                continue
            named += [owner[1] for low, high, owner, *_ in ranges if low <= slot <= high]
        port = max(named, key=named.count)
        return next(node for node in self.nodes if node.port == port)

    @contextmanager
    def moving(self, slot: int, target: Node) -> Iterator[list[bytes]]:
        """Move a slot key by key, as operators do. Yield before the first key has moved.

        The block may remove keys from the list, or move some of them itself with `move`.
        """
        source = self.owner(slot)
        target.run("CLUSTER", "SETSLOT", slot, "IMPORTING", self.name_of(source))
        source.run("CLUSTER", "SETSLOT", slot, "MIGRATING", self.name_of(target))
        yield source.run("CLUSTER", "GETKEYSINSLOT", slot, 10_000)
        while keys := source.run("CLUSTER", "GETKEYSINSLOT", slot, 100):
            self.move(source, target, *keys)
        for node in (target, source):
            node.run("CLUSTER", "SETSLOT", slot, "NODE", self.name_of(target))

    def move(self, source: Node, target: Node, *keys: bytes) -> None:
        words = "MIGRATE", LOOPBACK, target.port, "", 0, 5000, "REPLACE", "AUTH", target.password, "KEYS"
        source.run(*words, *keys)


def _ports(nodes: list[Any]) -> list[int]:
    return [nodes[0][1], *sorted(node[1] for node in nodes[1:])]


def _tls_settings(node: Node) -> dict[str, str]:
    if node.authority is None:
        return {}
    url = f"rediss://:{node.password}@{LOOPBACK}:{node.port}"
    return {"REDIS_URL": url, "REDIS_CA_FILE": str(node.authority.file)}


def _new_nodes(folder: Path, count: int, authority: Authority | None) -> list[Node]:
    nodes = [Node(folder / str(number), free_port(), VALKEY_PASSWORD, fast=True) for number in range(count)]
    for node in nodes:
        node.authority = authority
    return nodes


def _start(stack: ExitStack, node: Node, *lines: str) -> None:
    node.lines = lines
    node.start()
    stack.callback(_stop, node)


def _stop(node: Node) -> None:
    if not node.has_exited():
        thaw(node)
    node.stop()


@contextmanager
def sentinel_group(folder: Path, authority: Authority | None = None) -> Iterator[SentinelGroup]:
    """Yield a group of Valkey, or with an authority of Redis with TLS."""
    with ExitStack() as stack:
        yield SentinelGroup(folder, stack, authority)


@contextmanager
def cluster(folder: Path, authority: Authority | None = None) -> Iterator[Cluster]:
    """Yield a cluster of Valkey, or with an authority of Redis with TLS."""
    with ExitStack() as stack:
        yield Cluster(folder, stack, authority)
