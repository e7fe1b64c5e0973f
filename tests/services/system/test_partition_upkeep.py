"""Each worker makes partitions ahead of need, and reports the keys that are left."""

import asyncio

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from infrastructure.observability.metrics import metrics
from services.system.partition_upkeep import add_partitions
from tests.database import as_owner
from tests.servers import until

BOUND = 50_000_000


def keys_left() -> float:
    [line] = [line for line in metrics.render().decode().splitlines() if line.startswith("partition_keys_left ")]
    return float(line.split()[1])


def test_a_partition_is_added_and_the_rest_is_reported(
    client: TestClient, app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    """All in the transaction of the test: the partition is gone afterwards. The sequence has to be set back."""
    app_context = app.state.app_context
    with app_context.database.sessions() as session, as_owner(session):
        before = session.scalar(text("SELECT last_value FROM audit_id_key_seq"))
        session.execute(text(f"SELECT setval('audit_id_key_seq', {BOUND - 5})"))
        session.commit()
    try:
        with caplog.at_level("INFO"):
            asyncio.run(add_partitions(app_context))
        assert f"added the partition audit_from_{BOUND}: audit has {BOUND + 5} keys to go" in caplog.text
        assert keys_left() <= BOUND  # the history's
    finally:
        with app_context.database.sessions() as session, as_owner(session):
            session.execute(text(f"SELECT setval('audit_id_key_seq', {before})"))
            session.commit()


def test_a_worker_checks_at_its_start(app: FastAPI, running_app: TestClient) -> None:
    until(lambda: keys_left() > 0)
