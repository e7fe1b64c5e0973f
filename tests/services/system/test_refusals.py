"""Refusals in the audit log: 401 and 403, bounded, and written later."""

import asyncio

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from config.settings import Settings
from infrastructure.embedded.ports import free_port
from infrastructure.observability.metrics import metrics
from main import create_app_context
from services.system.refusals import MAX_KINDS, Kind, Refusals, RefusedRequest
from services.transactions.audit_upkeep import write_refusals
from tests.credentials import UNKNOWN, execute, key_headers
from tests.factories import Factory
from tests.services.transactions.test_audit_log import AuditLog

COUNTERS = ("login_failures_total", "access_refused_total", "refusals_not_audited_total")


def counters() -> list[int]:
    return [metrics._totals.counters[name] for name in COUNTERS]


def refusal(path: str, status: int = 401) -> RefusedRequest:
    return RefusedRequest(Kind("", None, "GET", path, status), "ours", None)


@pytest.fixture
def audit_log(guarded: TestClient, guarded_app: FastAPI) -> AuditLog:
    return AuditLog(guarded, guarded_app)


def test_refusals_have_entries(audit_log: AuditLog, guarded_app: FastAPI, make: Factory) -> None:
    before, client_id = counters(), make.customer()["id_key"]
    client = key_headers(guarded_app, client_id)
    send = audit_log.http.request
    answers = [
        *(send("GET", f"/clients/{number}", headers=UNKNOWN | {"X-Request-ID": "mine"}) for number in range(5)),
        send("DELETE", "/products/1"),
        send("DELETE", "/products/0002", headers=client),
        send("GET", "/audit", headers=client),
        send("PATCH", f"/orders/{make.order(client_id=client_id)['id_key']}", json={"status": 2}, headers=client),
    ]
    assert [answer.status_code for answer in answers] == [401] * 6 + [403] * 2 + [answers[-1].status_code]
    assert audit_log.entries() == []
    asyncio.run(write_refusals(guarded_app.state.app_context))
    entries = audit_log.entries()
    assert [(e["principal"], e["method"], e["path"], e["status"], e["times"]) for e in entries[:4]] == [
        ("", "GET", "/clients/{id_key}", 401, 5),
        ("", "DELETE", "/products/{id_key}", 401, 1),
        (f"client:{client_id}", "DELETE", "/products/{id_key}", 403, 1),
        (f"client:{client_id}", "GET", "/audit", 403, 1),
    ]
    assert [entry["caller_request_id"] for entry in entries[:2]] == ["mine", None]
    assert entries[1]["request_id"] == answers[5].headers["X-Request-ID"]
    assert counters()[:2] == [before[0] + 6, before[1] + len(entries) - 2]
    assert f"client:{client_id}" not in [name for (name,) in execute(guarded_app, "SELECT principal FROM audit")]
    asyncio.run(write_refusals(guarded_app.state.app_context))
    assert audit_log.entries() == entries


def test_an_attacker_fills_neither_memory_nor_table() -> None:
    refusals, before = Refusals(), counters()
    for number in range(MAX_KINDS + 40):
        refusals.add(refusal(f"/{number}"))
        refusals.add(refusal("/0"))
    taken = refusals.take()
    assert len(taken) == MAX_KINDS
    assert taken[0]["times"] == MAX_KINDS + 41
    assert [after - earlier for after, earlier in zip(counters(), before, strict=True)] == [2 * MAX_KINDS + 80, 0, 40]
    assert refusals.take() == []


def test_refusals_without_a_database_are_counted(settings: Settings) -> None:
    app_context = create_app_context(settings.model_copy(update={"postgres_port": free_port(), "redis_enabled": False}))
    before = counters()[2]
    for _ in range(3):
        app_context.refusals.add(refusal("/clients"))
    asyncio.run(write_refusals(app_context))
    assert counters()[2] == before + 3
    app_context.database.close()


def test_refusals_are_written_at_a_stop(settings: Settings, committing_client: TestClient) -> None:
    from main import create_fastapi_app

    app = create_fastapi_app(settings.model_copy(update={"auth_mode": "api_key"}))
    with TestClient(app) as client:
        assert client.get("/clients").status_code == 401
    with committing_client.app.state.app_context.database.engine.connect() as connection:  # type: ignore[attr-defined] # TestClient's app is untyped
        assert connection.execute(text("SELECT path, status FROM audit")).all() == [("/clients", 401)]
