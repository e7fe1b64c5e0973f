"""Faults of the demo, one after the other: each ends when the service is as before."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import NamedTuple

from benchmarks.scale_demo.site import Site, tell
from infrastructure.redis.cluster import SLOTS
from tests.replication import run
from tests.servers import kill, until

STEADY_SECONDS = 10
RECOVERY_SECONDS = 60


class Mark(NamedTuple):
    at: float
    text: str
    is_fault: bool


@dataclass
class Timeline:
    """What happened when, in seconds of the monotonic clock."""

    marks: list[Mark] = field(default_factory=list)

    def mark(self, text: str, *, is_fault: bool = False) -> None:
        self.marks.append(Mark(monotonic(), text, is_fault))
        tell(text)

    def phases(self, end: float) -> Iterator[tuple[Mark, float]]:
        """Yield the start and each fault, with the time at which the next one begins."""
        begins = [mark for mark in self.marks if mark.is_fault]
        ends = [mark.at for mark in begins[1:]] + [end]
        yield from zip(begins, ends, strict=True)


def play(site: Site, timeline: Timeline) -> None:
    timeline.mark("no fault", is_fault=True)
    sleep(STEADY_SECONDS)
    for fault in (lose_standby, lose_valkey_master, lose_instance, lose_primary):
        fault(site, timeline)
        recovered(site.is_healthy)
        timeline.mark("all is well")
        sleep(STEADY_SECONDS)


def lose_standby(site: Site, timeline: Timeline) -> None:
    [standby, _] = site.standbys
    timeline.mark("standby 1 killed", is_fault=True)
    kill(standby)
    sleep(STEADY_SECONDS)
    standby.start()
    timeline.mark("standby 1 back")
    recovered(lambda: site.uses(standby))


def lose_valkey_master(site: Site, timeline: Timeline) -> None:
    node = site.nodes.owner(SLOTS[0])
    timeline.mark("Valkey master killed", is_fault=True)
    kill(node)
    recovered(lambda: site.nodes.owner(SLOTS[0]) is not node)
    timeline.mark("its replica is master")
    recovered(site.is_healthy)
    node.start()
    recovered(site.nodes.is_complete)


def lose_instance(site: Site, timeline: Timeline) -> None:
    [instance, _] = site.instances
    timeline.mark("instance 1 killed", is_fault=True)
    instance.kill()
    sleep(STEADY_SECONDS)
    instance.start(instance.log.parent)
    instance.wait()
    timeline.mark("instance 1 back")


def lose_primary(site: Site, timeline: Timeline) -> None:
    """Promote the standby that has received more, as Patroni does. The other one follows it."""
    timeline.mark("primary killed", is_fault=True)
    kill(site.primary)
    received = "SELECT (pg_last_wal_receive_lsn() - '0/0')::bigint"
    follower, promoted = sorted(site.standbys, key=lambda standby: run(standby, received))
    promoted.promote()
    site.path.lead_to(promoted.port)
    site.primary = promoted
    timeline.mark(f"standby {site.standbys.index(promoted) + 1} promoted")
    follower.follow(promoted)
    recovered(lambda: site.uses(follower))


def recovered(condition: Callable[[], bool]) -> None:
    until(condition, RECOVERY_SECONDS)
