"""Webhook endpoints over HTTP: secrets shown once, and URLs that lead to public addresses only."""

import asyncio
import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from config.settings import Settings
from infrastructure import outgoing_http
from services.webhooks import webhook_endpoint_service
from tests.credentials import service
from tests.factories import Object

URL = "https://1.1.1.1/hooks"
BODY: Object = {"url": URL, "event_types": ["order.*", "stock.low"], "description": "Warehouse"}
SHOWN = ["id_key", "url", "event_types", "description", "enabled", "created_at"]
PATH = "/webhook_endpoints"


@pytest.fixture
def strict(settings: Settings, client: TestClient, app: FastAPI) -> Iterator[TestClient]:
    """Yield a client of an application with the default of `WEBHOOK_ALLOW_PRIVATE`."""
    with service(settings, app.state.app_context.database, webhook_allow_private=False) as http:
        yield http


def test_the_secret_is_shown_once(client: TestClient) -> None:
    key = {"Idempotency-Key": "endpoint"}
    made = client.post(PATH, json=BODY, headers=key)
    assert made.status_code == 201, made.text
    endpoint: Object = made.json()
    assert endpoint["secret"].startswith("whsec_")
    shown = {name: endpoint[name] for name in endpoint if name != "secret"}
    assert list(shown) == sorted(SHOWN, key=list(shown).index)
    assert (shown["enabled"], shown["event_types"]) == (True, BODY["event_types"])
    repeated = client.post(PATH, json=BODY, headers=key)
    assert (repeated.status_code, repeated.json()) == (201, shown)
    path = made.headers["Location"]
    assert client.get(path).json() == shown
    assert client.get(PATH).json() == [shown]
    changed = client.patch(path, json={"description": None, "event_types": ["*", "*"], "enabled": False})
    assert changed.json() == shown | {"description": None, "event_types": ["*"], "enabled": False}
    rotated = client.post(f"{path}/rotate_secret", headers={"Idempotency-Key": "rotation"})
    assert rotated.json().keys() == endpoint.keys()
    assert rotated.json()["secret"] != endpoint["secret"]
    again = client.post(f"{path}/rotate_secret", headers={"Idempotency-Key": "rotation"})
    assert (again.status_code, "secret" in again.json()) == (201, False)
    assert client.delete(path).status_code == 204
    for missing in (path, f"{path}/deliveries"):
        assert client.get(missing).status_code == 404
    assert client.post(f"{path}/rotate_secret").status_code == 404
    assert client.post("/webhook_deliveries/1/retry").status_code == 404
    assert client.get("/webhook_deliveries/1").status_code == 404


REFUSED: tuple[Object, ...] = (
    *(
        {"url": url}
        for url in ("", "x", "ftp://x.com", "https://", "https://a:b@x.com", "https://x.com:0", "https://x y")
    ),
    *({"url": f"https://{host}"} for host in ("x.com*", "-x.com", "x..com", "x.com\\@y.com", "x.com:65536", "x" * 64)),
    *({"url": url} for url in ("https://x.com/\u00e9", f"https://x.com/{'x' * 2000}", "https://[::1", None, 5)),
    *({"event_types": types} for types in ([], ["order"], ["Order.*"], ["order.*.x"], ["*.created"], "order.*", None)),
    {"description": ""},
    {"description": "x" * 201},
)


def test_invalid_endpoints_are_refused(client: TestClient) -> None:
    for change in REFUSED:
        answer = client.post(PATH, json=BODY | change)
        assert answer.status_code == 422, (change, answer.text)
    path = client.post(PATH, json=BODY).headers["Location"]
    for change in (*REFUSED, {"enabled": "yes"}, {"enabled": None}):
        assert client.patch(path, json=change).status_code == 422, change
    assert len(client.get(PATH).json()) == 1


ACCEPTED = (
    *("https://1.1.1.1", "https://1.1.1.1:65535/a*(b)?c=%20#d", "https://[2606:4700:4700::1111]/", "HTTPS://1.1.1.1/"),
    *("http://my_receiver:8000/hooks", "https://xn--bcher-kva.invalid", "https://a-b.invalid./~x"),
)


def test_urls_fit_the_documented_pattern(client: TestClient) -> None:
    components = client.get("/openapi.json").json()["components"]["schemas"]
    pattern = components["WebhookEndpointSchema"]["properties"]["url"]["pattern"]
    for url in ACCEPTED:
        answer = client.post(PATH, json=BODY | {"url": url})
        assert (answer.status_code, answer.json().get("url")) == (201, url), answer.text
        assert re.search(pattern, url), url


def test_a_slow_name_server_delays_no_request(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_: str) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(outgoing_http, "addresses_of", never)
    monkeypatch.setattr(webhook_endpoint_service, "LOOK_UP_SECONDS", 0.01)
    answer = client.post(PATH, json=BODY | {"url": "https://receiver.invalid/"})
    assert answer.status_code == 201, answer.text


PRIVATE = ("http://1.1.1.1/", "https://127.0.0.1/", "https://localhost/", "https://169.254.169.254/", "https://[::1]/")


def test_private_addresses_and_plain_http_are_refused(strict: TestClient) -> None:
    path = strict.post(PATH, json=BODY).headers["Location"]
    for url in PRIVATE:
        for answer in (strict.post(PATH, json=BODY | {"url": url}), strict.patch(path, json={"url": url})):
            assert answer.status_code == 422, url
            [error] = answer.json()["detail"]
            assert error["loc"] == ["body", "url"]
            assert error["msg"].startswith("Not allowed: the URL ")
    unknown = BODY | {"url": "https://receiver.invalid/"}
    assert strict.post(PATH, json=unknown).status_code == 201, "it may get an address later, and is checked then"
