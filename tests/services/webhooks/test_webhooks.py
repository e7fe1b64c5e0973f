"""Webhooks: signed, in order, at least once, and repeated until the receiver accepts them."""

import base64
import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text
from standardwebhooks import Webhook, WebhookVerificationError

from infrastructure.postgres.database import Database
from repositories.events.webhook_repository import DueDelivery
from services.system import periodic_work
from services.webhooks import dispatcher
from services.webhooks.messages import message_of, new_secret
from tests.database import as_owner
from tests.event_log import events
from tests.factories import Object
from tests.servers import until
from tests.webhooks import Received, Receiver, receiver, reply


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periodic_work, "EVENT_SECONDS", 0.05)


@pytest.fixture
def web() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


class Shop:
    def __init__(self, client: TestClient, database: Database) -> None:
        self.client, self.database = client, database

    def endpoint(self, url: str, *event_types: str) -> Object:
        body = {"url": url, "event_types": event_types or ["category.*"]}
        made = self.client.post("/webhook_endpoints", json=body)
        assert made.status_code == 201, made.text
        endpoint: Object = made.json()
        return endpoint

    def categories(self, *names: str) -> None:
        for name in names:
            self.client.post("/categories", json={"name": name}).raise_for_status()

    def deliveries(self, endpoint: Object, **query: Any) -> list[Object]:
        path = f"/webhook_endpoints/{endpoint['id_key']}/deliveries"
        found: list[Object] = self.client.get(path, params=query).json()
        return found

    def statuses(self, endpoint: Object) -> list[str]:
        return [delivery["status"] for delivery in self.deliveries(endpoint)]

    def run(self, statement: str, **parameters: Any) -> Any:
        with self.database.engine.begin() as connection, as_owner(connection):
            result = connection.execute(text(statement), parameters)
            return result.all() if result.returns_rows else None


@pytest.fixture
def shop(committing_client: TestClient, committing: Database) -> Shop:
    return Shop(committing_client, committing)


def test_deliveries_are_signed_events_in_order(shop: Shop, web: Receiver) -> None:
    shop.categories("before")
    events(shop.client)
    endpoint = shop.endpoint(web.url)
    shop.categories("a", "b", "c")
    shop.client.post("/bills", json={"total": 1, "payment_type": "card"})
    until(lambda: shop.statuses(endpoint) == ["sent"] * 3)
    assert web.names == ["a", "b", "c"]
    log = events(shop.client, type="category.created")
    assert [received.verify(endpoint["secret"]) for received in web.received] == log[1:]
    first = web.received[0]
    assert first.headers["webhook-id"] == f"evt_{log[1]['id_key']}"
    assert first.headers["content-type"] == "application/json"
    # By hand, as https://github.com/standard-webhooks/standard-webhooks describes it.
    key = base64.b64decode(endpoint["secret"].removeprefix("whsec_"))
    signed = f"{first.headers['webhook-id']}.{first.headers['webhook-timestamp']}.".encode() + first.body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert first.headers["webhook-signature"] == f"v1,{signature}"
    assert abs(int(first.headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 120
    with pytest.raises(WebhookVerificationError):
        first._replace(body=first.body.replace(b'"a"', b'"x"')).verify(endpoint["secret"])
    with pytest.raises(WebhookVerificationError):
        first.verify(new_secret())


def test_event_types_select_events(shop: Shop, web: Receiver) -> None:
    urls = {name: f"{web.url}/{name}" for name in ("all", "one", "none")}
    endpoints = [
        shop.endpoint(urls["all"], "*"),
        shop.endpoint(urls["one"], "category.deleted", "bill.*"),
        shop.endpoint(urls["none"], "order.*", "category.updated"),
    ]
    shop.categories("a")
    shop.client.delete(f"/categories/{shop.client.get('/categories').json()[0]['id_key']}")
    shop.client.post("/bills", json={"total": 1, "payment_type": "card"})
    until(lambda: [shop.statuses(endpoint) for endpoint in endpoints] == [["sent"] * 3, ["sent"] * 2, []])
    kinds = sorted((received.path[len("/hooks/") :], received.event["type"]) for received in web.received)
    assert kinds == [
        *[("all", kind) for kind in ("bill.created", "category.created", "category.deleted")],
        *[("one", kind) for kind in ("bill.created", "category.deleted")],
    ]


def failing(times: int, then: int = 204, status: int = 500) -> Callable[[Received, BaseHTTPRequestHandler], None]:
    """Return a reply that fails the first requests."""
    left = [times]

    def answer(received: Received, handler: BaseHTTPRequestHandler) -> None:
        left[0] -= 1
        reply(status if left[0] >= 0 else then)(received, handler)

    return answer


def test_a_failed_delivery_is_repeated_before_the_next_one(
    shop: Shop, web: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "PAUSES", (timedelta(seconds=0.1),))
    web.reply = failing(2, status=302)
    endpoint = shop.endpoint(web.url)
    shop.categories("a", "b")
    until(lambda: shop.statuses(endpoint) == ["sent", "sent"])
    assert web.names == ["a", "a", "a", "b"]
    attempts = web.received[:3]
    assert len({received.headers["webhook-id"] for received in attempts}) == 1
    assert len({received.body for received in attempts}) == 1
    first, second = shop.deliveries(endpoint)
    assert (first["attempts"], first["response_status"], first["error"]) == (3, 204, None)
    assert (second["attempts"], second["next_attempt_at"]) == (1, None)


def test_pauses_grow_and_a_delivery_fails_after_a_day(shop: Shop, web: Receiver) -> None:
    """Move the time of the last attempt back instead of waiting."""
    web.reply = reply(503)
    endpoint = shop.endpoint(web.url)
    shop.categories("a", "b")
    pauses = []
    for attempt in range(1, 9):
        delivery = until(lambda: next(iter(shop.deliveries(endpoint)), None))
        until(lambda: shop.deliveries(endpoint)[0]["attempts"] == attempt)  # noqa: B023 # called at once
        delivery = shop.deliveries(endpoint)[0]
        last, following = (datetime.fromisoformat(delivery[f"{name}_attempt_at"]) for name in ("last", "next"))
        pauses.append((following - last).total_seconds())
        assert (delivery["status"], delivery["response_status"]) == ("waiting", 503)
        assert delivery["error"] == "The response has the status 503"
        shop.run("UPDATE webhook_deliveries SET next_attempt_at = now() WHERE id_key = :id", id=delivery["id_key"])
    assert pauses == [1, 5, 30, 300, 1800, 3600, 3600, 3600]
    until(lambda: shop.deliveries(endpoint)[0]["attempts"] == 9)
    shop.run("UPDATE webhook_deliveries SET first_attempt_at = now() - interval '23.5 hours' WHERE attempts > 0")
    shop.run("UPDATE webhook_deliveries SET next_attempt_at = now() WHERE attempts > 0")
    until(lambda: shop.deliveries(endpoint)[0]["attempts"] == 10)
    delivery = shop.deliveries(endpoint)[0]
    last, following = (datetime.fromisoformat(delivery[f"{name}_attempt_at"]) for name in ("last", "next"))
    assert following - last < timedelta(minutes=31), "the last attempt comes when the day is over"
    web.reply = failing(1, status=503)
    shop.run("UPDATE webhook_deliveries SET first_attempt_at = now() - interval '1 day' WHERE attempts > 0")
    shop.run("UPDATE webhook_deliveries SET next_attempt_at = now() WHERE attempts > 0")
    until(lambda: shop.statuses(endpoint) == ["failed", "sent"])
    assert web.names == ["a"] * 11 + ["b"]
    failed = shop.deliveries(endpoint, status="failed")[0]
    assert failed["next_attempt_at"] is None
    again = shop.client.post(f"/webhook_deliveries/{failed['id_key']}/retry")
    assert (again.status_code, again.json()["status"], again.json()["attempts"]) == (200, "waiting", 0)
    until(lambda: shop.statuses(endpoint) == ["sent", "sent"])
    assert web.names[-2:] == ["b", "a"]
    assert web.received[-1].headers["webhook-id"] == web.received[0].headers["webhook-id"]


def test_gone_disables_the_endpoint(shop: Shop, web: Receiver) -> None:
    web.reply = failing(1, status=410)
    endpoint = shop.endpoint(web.url)
    path = f"/webhook_endpoints/{endpoint['id_key']}"
    shop.categories("a", "b")
    until(lambda: shop.statuses(endpoint)[:1] == ["failed"])
    assert shop.client.get(path).json()["enabled"] is False
    shop.categories("while disabled")
    events(shop.client)
    waiting = shop.statuses(endpoint)[1:]
    shop.client.patch(path, json={"enabled": True})
    shop.categories("c")
    until(lambda: shop.statuses(endpoint) == ["failed", *["sent"] * len(waiting), "sent"])
    assert web.names == ["a", *["b"] * len(waiting), "c"]


def test_both_secrets_sign_after_a_rotation(shop: Shop, web: Receiver) -> None:
    endpoint = shop.endpoint(web.url)
    rotated = shop.client.post(f"/webhook_endpoints/{endpoint['id_key']}/rotate_secret")
    assert rotated.status_code == 201, rotated.text
    old, new = endpoint["secret"], rotated.json()["secret"]
    assert old != new
    shop.categories("a")
    until(lambda: shop.statuses(endpoint) == ["sent"])
    assert web.received[0].verify(old) == web.received[0].verify(new)
    shop.run("UPDATE webhook_endpoints SET previous_secret_until = now()")
    shop.categories("b")
    until(lambda: shop.statuses(endpoint) == ["sent"] * 2)
    assert web.received[1].verify(new)
    with pytest.raises(WebhookVerificationError):
        web.received[1].verify(old)


def test_each_attempt_has_the_time_of_its_own() -> None:
    """Receivers refuse messages from more than five minutes before or after their own time."""
    secret, now = new_secret(), datetime.now(UTC)
    delivery = DueDelivery(1, 0, "http://x", secret, None, 7, "category.created", now, "/categories/1", {"id_key": 1})
    messages = [message_of(delivery, now + timedelta(minutes=minutes)) for minutes in (0, -6, 6)]
    assert len({message.body for message in messages}) == len({m.headers["webhook-id"] for m in messages}) == 1
    Webhook(secret).verify(messages[0].body, dict(messages[0].headers))
    for message in messages[1:]:
        with pytest.raises(WebhookVerificationError, match="too"):
            Webhook(secret).verify(message.body, dict(message.headers))


def test_no_connection_is_held_while_a_receiver_answers(
    shop: Shop, web: Receiver, app: FastAPI, committing: Database
) -> None:
    """Let one receiver wait. Others get their deliveries meanwhile."""
    go_on, database = threading.Event(), app.state.app_context.database

    def wait(received: Received, handler: BaseHTTPRequestHandler) -> None:
        if received.path.endswith("slow"):
            go_on.wait(30)
        reply(204)(received, handler)

    web.reply = wait
    slow, quick = shop.endpoint(f"{web.url}/slow"), shop.endpoint(f"{web.url}/quick")
    try:
        shop.categories("a")
        until(lambda: web.received and shop.statuses(quick) == ["sent"])
        until(lambda: any(received.path.endswith("slow") for received in web.received))
        until(lambda: database.writes.usage()[0] == database.reads.usage()[0] == 0)
        held = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        assert shop.run(held) == [(0,)]
        assert shop.statuses(slow) == ["waiting"]
    finally:
        go_on.set()
    until(lambda: shop.statuses(slow) == ["sent"])


def test_redacted_events_are_sent_redacted(shop: Shop, web: Receiver) -> None:
    """Delete the client before its first event can be sent."""
    web.reply = reply(500)
    endpoint = shop.endpoint(web.url, "client.*")
    person = {"name": "Grace", "lastname": "Hopper", "email": "grace@example.com"}
    made = shop.client.post("/clients", json=person).json()
    until(lambda: web.received)
    shop.client.delete(f"/clients/{made['id_key']}")
    events(shop.client)
    web.received.clear()
    web.reply = reply(204)
    for delivery in shop.deliveries(endpoint):
        shop.client.post(f"/webhook_deliveries/{delivery['id_key']}/retry")
    until(lambda: shop.statuses(endpoint) == ["sent"] * 2)
    names = {received.headers["webhook-id"]: received.event["data"]["name"] for received in web.received}
    assert list(names.values()) == [None, None]


def test_metrics_show_the_backlog(shop: Shop, web: Receiver) -> None:
    web.reply = reply(500)
    endpoint = shop.endpoint(web.url)
    shop.categories("a", "b")
    until(lambda: web.received)

    def figures() -> dict[str, float]:
        lines = shop.client.get("/metrics").text.splitlines()
        return {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith(("webhook", "events"))}

    until(lambda: figures()["webhook_deliveries_waiting"] == 2)
    assert figures()["webhook_oldest_waiting_seconds"] > 0
    assert figures()["webhook_attempts_failed_total"] > 0
    web.reply = reply(204)
    shop.client.post(f"/webhook_deliveries/{shop.deliveries(endpoint)[0]['id_key']}/retry")
    until(lambda: figures()["webhook_deliveries_waiting"] == figures()["webhook_oldest_waiting_seconds"] == 0)
    assert figures()["webhook_deliveries_sent_total"] >= 2
