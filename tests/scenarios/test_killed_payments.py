"""Workers that are killed while Stripe charges: the service as it runs in production, and localstripe as a process."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from tests.localstripe import API_KEY, WEBHOOK_SECRET, LocalStripe, localstripe
from tests.servers import ROOT, App, address, postgres_server, running_app, until, valkey_server

pytestmark = pytest.mark.long


class Site(NamedTuple):
    app: App
    stripe: LocalStripe
    environment: dict[str, str]


BODY = {"provider": "stripe", "token": "pm_card_visa"}


@contextmanager
def running_site(folder: Path, script: str = "run_production.py") -> Iterator[Site]:
    """Run the service with servers of its own, as in production or with another script."""
    with ExitStack() as stack:
        postgres = stack.enter_context(postgres_server(folder / "postgres"))
        valkey = stack.enter_context(valkey_server(folder / "valkey"))
        stripe = stack.enter_context(localstripe())
        settings = {"STRIPE_API_KEY": API_KEY, "STRIPE_API_BASE": stripe.url, "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET}
        environment = address(postgres) | address(valkey) | settings | {"LOG_TO_FILE": "false", "PYTHONPATH": str(ROOT)}
        yield Site(stack.enter_context(running_app(folder, environment, ROOT / script)), stripe, environment)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running_site(tmp_path) as site:
        yield site


def post(url: str, path: str, body: Any, key: str) -> httpx2.Response:
    return httpx2.post(f"{url}{path}", json=body, headers={"Idempotency-Key": key}, timeout=90)


def kill_during(site: Site, path: str, fault: str, body: Any) -> None:
    """Send a request that Stripe carries out and does not answer, and kill all workers meanwhile."""
    app, stripe, _ = site
    stripe.fail(fault, "after", 0)
    with ThreadPoolExecutor(1) as threads:
        lost = threads.submit(post, app.url, path, body, path)
        until(lambda: any(request.endswith(fault) for request in stripe.requests()))
        for worker in app.workers():
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        with suppress(httpx2.TransportError):
            lost.result(60)
    until(lambda: is_ready(app))


def is_ready(app: App) -> bool:
    try:
        return httpx2.get(f"{app.url}/health_check/ready").status_code == 200
    except httpx2.TransportError:
        return False


@pytest.mark.timeout(400)  # a repeat waits until the lease of the killed worker is over
def test_killed_workers_charge_and_refund_once(site: Site) -> None:
    app, stripe, _ = site
    client = post(app.url, "/clients", {"name": "A", "lastname": "B", "email": "a@b.co"}, "1").json()["id_key"]
    bill = post(app.url, "/bills", {"total": 100, "payment_type": "card"}, "2").json()["id_key"]
    new = {"total": 100, "delivery_method": 1, "client_id": client, "bill_id": bill}
    order = post(app.url, "/orders", new, "3").json()["id_key"]
    steps: list[tuple[str, str, Any, int, str]] = [
        (f"/orders/{order}/payments", "/confirm", BODY, 201, "authorized"),
        ("/payments/1/capture", "", {"amount": 60}, 200, "captured"),
        ("/payments/1/refund", "POST /v1/refunds", {"amount": 60}, 200, "refunded"),
    ]
    for path, fault, body, status, result in steps:
        if fault:
            kill_during(site, path, fault, body)
        repeat = post(app.url, path, body, path)
        assert (repeat.status_code, repeat.json()["status"]) == (status, result), repeat.text
        assert post(app.url, path, body, path).json() == repeat.json()
    balance = httpx2.get(f"{app.url}/orders/{order}/balance").json()
    assert balance == {"order_id": order, "total": 100, "captured": 60, "refunded": 60, "due": 40}
    # localstripe books the released part of a capture as a refund, too.
    assert stripe.charges() == [[10000, True, 10000]]
