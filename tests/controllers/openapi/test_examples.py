"""Examples of `/openapi.json`: in a demo shop, each operation succeeds with its own, as Swagger UI sends it."""

import hashlib
import hmac
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import orjson
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr

from config.settings import Settings
from controllers.openapi.links import operations
from infrastructure.payments.provider import ProviderStatus
from infrastructure.postgres.database import Database
from tests.conftest import POSTGRES
from tests.credentials import execute, key_headers
from tests.database import outer_transaction
from tests.migrations.test_migrations import new_database
from tests.payment_provider import Charge, ProviderDouble
from tests.servers import ROOT, address, environment_without_settings

Json = dict[str, Any]
WEBHOOK_SECRET = "whsec_for_tests"
AUTHORIZED = "ref_example"


class Example(NamedTuple):
    """Request that Swagger UI sends if nothing is changed after "Try it out"."""

    operation_id: str
    method: str
    url: str
    query: dict[str, str]
    headers: dict[str, str]
    media_type: str = ""
    body: bytes = b""


@pytest.fixture(scope="module")
def demo(settings: Settings) -> Iterator[FastAPI]:
    """Return the application of a demo shop with API keys and Stripe, in a database of its own."""
    from main import create_fastapi_app

    stripe = {"stripe_api_key": SecretStr("sk_test_x"), "stripe_webhook_secret": SecretStr(WEBHOOK_SECRET)}
    own = {"redis_enabled": False, "auth_mode": "api_key", **stripe}
    with new_database(settings.model_copy(update=own), "demo_shop") as (demo_settings, _):
        where = address(POSTGRES) | {"POSTGRES_DB": demo_settings.postgres_db, "REDIS_ENABLED": "false"}
        # psycopg2 cannot copy in this process, where the asynchronous client is active.
        command = [sys.executable, "-m", "scripts.shop", "demo"]
        subprocess.run(command, cwd=ROOT, env=environment_without_settings() | where, check=True, capture_output=True)
        yield create_fastapi_app(demo_settings)


@pytest.fixture(scope="module")
def admin(demo: FastAPI) -> Iterator[TestClient]:
    """Yield a client with the shop's first API key. Entities that the demo shop lacks get one object each."""
    with TestClient(demo, raise_server_exceptions=False, headers=key_headers(demo)) as client:
        for example in examples(demo.openapi()):
            is_creation = example.operation_id == f"{example.url[1:]}_create"
            if is_creation and client.get(example.url).json() == []:
                client.post(example.url, content=example.body)
        yield client


@pytest.fixture(scope="module")
def committed(demo: FastAPI) -> Iterator[Database]:
    database = Database(demo.state.app_context.settings)
    yield database
    database.close()


def examples(document: Json) -> Iterator[Example]:
    for path, method, operation in operations(document):
        values: dict[str, Json] = {"path": {}, "query": {}, "header": {}}
        for parameter in operation["parameters"]:
            value = parameter.get("example", parameter["schema"].get("default"))
            assert value is not None or not parameter["required"], f"{method} {path}: {parameter['name']}"
            if value is not None:
                values[parameter["in"]][parameter["name"]] = str(value).lower() if value in (True, False) else value
        where = operation["operationId"], method, path.format(**values["path"])
        for media_type, body in bodies(operation):
            yield Example(*where, values["query"], values["header"], media_type, body)


def bodies(operation: Json) -> list[tuple[str, bytes]]:
    """Return the media types and examples of the body. An operation without a body has one example, too."""
    found = []
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        values = [one["value"] for one in content.get("examples", {}).values()] or [content["example"]]
        found += [(media_type, each.encode() if isinstance(each, str) else orjson.dumps(each)) for each in values]
    return found or [("", b"")]


def authorize_payment(app: FastAPI, _: bytes) -> Json:
    """Let the first payment be authorized. Those of the demo shop are manual, so they are captured at once."""
    double = ProviderDouble()
    app.state.app_context.providers = {"double": double}
    [[amount]] = execute(
        app,
        "UPDATE payments SET status = 'authorized', provider = 'double', reference = :reference "
        "WHERE id_key = 1 RETURNING amount",
        reference=AUTHORIZED,
    )
    double.charges[AUTHORIZED] = Charge(amount, ProviderStatus.AUTHORIZED)
    return {}


def sign(_: FastAPI, body: bytes) -> Json:
    """Sign the webhook as only Stripe can."""
    now = int(time.time())
    signature = hmac.new(WEBHOOK_SECRET.encode(), b"%d.%b" % (now, body), hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={now},v1={signature}"}


PREPARATIONS: dict[str, Callable[[FastAPI, bytes], Json]] = {
    "payments_cancel": authorize_payment,
    "payments_capture": authorize_payment,
    "payments_webhooks_stripe": sign,
}
"""What a person at Swagger UI cannot do: the role of Stripe. Returns more headers."""


def test_every_operation_succeeds_with_its_example(demo: FastAPI, admin: TestClient, committed: Database) -> None:
    app_context = demo.state.app_context
    own, providers = app_context.database, app_context.providers
    failed, count = {}, 0
    for example in examples(demo.openapi()):
        with outer_transaction(committed, app_context.settings) as app_context.database:
            body = example.body
            prepare = PREPARATIONS.get(example.operation_id)
            headers = {**example.headers, **(prepare(demo, body) if prepare else {})}
            if body:
                headers["Content-Type"] = example.media_type
            answer = admin.request(
                example.method, example.url, params=example.query, headers=headers, content=body or None
            )
            if not answer.is_success:
                failed[f"{example.method} {example.url} {body.decode()}"] = answer.status_code, answer.text
        app_context.providers = providers
        count += 1
    app_context.database = own
    assert failed == {}
    assert count > 100
