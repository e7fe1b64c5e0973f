"""Webhooks while the workers that send them are killed: nothing is lost, and the order of an endpoint is kept."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.servers import App, address, postgres_server, running_app, until, valkey_server
from tests.webhooks import Receiver, receiver

pytestmark = pytest.mark.long

CATEGORIES = 400
TAKE_OVER_SECONDS = 30


@pytest.fixture
def site(tmp_path: Path) -> Iterator[App]:
    with postgres_server(tmp_path / "postgres") as postgres, valkey_server(tmp_path / "valkey") as valkey:
        environment = address(postgres) | address(valkey) | {"LOG_TO_FILE": "false", "WEBHOOK_ALLOW_PRIVATE": "true"}
        with running_app(tmp_path, environment) as app:
            yield app


@pytest.fixture
def web() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def test_killed_workers_lose_no_webhook(site: App, web: Receiver) -> None:
    """Kill every worker while events arrive. Their successors go on within 30 seconds."""
    with httpx2.Client(base_url=site.url, timeout=60) as client:
        body = {"url": web.url, "event_types": ["category.*"]}
        endpoint = client.post("/webhook_endpoints", json=body).raise_for_status().json()
        stopped = threading.Event()
        writing = threading.Thread(target=write, args=(site, stopped))
        writing.start()
        try:
            until(lambda: len(web.received) > 20)
            for worker in site.workers():
                os.kill(worker, signal.SIGKILL)
                before = len(web.received)
                until(lambda: len(web.received) > before + 20, TAKE_OVER_SECONDS)  # noqa: B023 # called at once
        finally:
            stopped.set()
            writing.join()
        log = client.get("/events", params={"limit": 1000}).raise_for_status().json()
        assert len(log) > 60
        path = f"/webhook_endpoints/{endpoint['id_key']}/deliveries"
        until(lambda: not client.get(path, params={"status": "waiting"}).json())
    first_of_each = {received.headers["webhook-id"]: received for received in reversed(web.received)}
    assert first_of_each.keys() == {f"evt_{event['id_key']}" for event in log}
    for received in web.received:
        assert received.body == first_of_each[received.headers["webhook-id"]].body
    firsts = [
        event
        for received in web.received
        if first_of_each[received.headers["webhook-id"]] is received
        for event in [received.event]
    ]
    assert firsts == log


def write(site: App, stopped: threading.Event) -> None:
    """Create categories until the test has seen enough. A request to a killed worker is lost."""
    number = 0
    while not stopped.is_set() and number < CATEGORIES:
        number += 1
        try:
            httpx2.post(f"{site.url}/categories", json={"name": f"category {number}"}, timeout=30)
        except httpx2.HTTPError:
            continue
        stopped.wait(0.05)
