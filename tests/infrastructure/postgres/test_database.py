"""Database: the engine and the asynchronous pools connect to the same server with the same parameters."""

import asyncio

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from config.settings import Settings
from infrastructure.embedded.ports import free_port
from infrastructure.exceptions import DatabaseUnavailableError
from infrastructure.observability.metrics import Metrics
from infrastructure.postgres.database import Database
from main import create_app_context
from services.system.health_service import HealthService
from tests.redis_links import becomes


def test_url_parameters_apply_to_transactions_and_reads(settings: Settings) -> None:
    url = settings.sqlalchemy_url().set(drivername="postgresql").update_query_dict({"sslmode": "require"})
    wanted = SecretStr(url.render_as_string(hide_password=False))

    async def read() -> None:
        database = Database(settings.model_copy(update={"database_url": wanted}))
        try:
            with database.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except OperationalError as error:
            assert "SSL" in str(error)  # noqa: PT017 # the read below has to fail too
            await database.reads.fetch("SELECT 1", {})
        finally:
            database.close()

    with pytest.raises(DatabaseUnavailableError, match="SSL"):
        asyncio.run(read())


def test_both_connect_to_the_first_host_that_answers(settings: Settings) -> None:
    """Give the hosts in SQLAlchemy's form."""
    url = settings.sqlalchemy_url().set(drivername="postgresql")
    hosts = [f"{url.host}:{port}" for port in (free_port(), url.port)]
    wanted = url.set(host=None, port=None).update_query_dict({"host": hosts})

    async def read() -> None:
        several = SecretStr(wanted.render_as_string(hide_password=False))
        database = Database(settings.model_copy(update={"database_url": several}))
        with database.engine.connect() as connection:
            assert connection.scalar(text("SHOW port")) == str(url.port)
        assert await database.reads.fetch("SHOW port", {}) == [(str(url.port),)]
        database.close()

    asyncio.run(read())


def test_an_exhausted_pool_shows_in_health_and_metrics(settings: Settings) -> None:
    """Exhaust the reads while the transactions have room."""
    changes = {"db_read_connections": 2, "db_pipeline": False, "redis_enabled": False}
    app_context = create_app_context(settings.model_copy(update=changes))
    database, health, metrics = app_context.database, HealthService(app_context), Metrics()
    metrics.watch_pools(database.pool_usage)
    capacity = health.pool()["total_capacity"]

    async def exhaust_reads(holder: Connection) -> None:
        holder.execute(text("SELECT pg_advisory_xact_lock(77)"))
        reads = [asyncio.create_task(database.reads.fetch("SELECT pg_advisory_lock(77)", {})) for _ in range(3)]
        await becomes(lambda: database.pool_usage()["reads"] == (2, 2))
        assert health.pool() == {
            "size": 2,
            "checked_in": 0,
            "checked_out": 2,
            "overflow": 0,
            "total_capacity": 2,
            "utilization_percent": 100,
        }
        exposition = metrics.render().decode()
        assert "\ndb_pool_utilization_percent 100.0\n" in exposition
        assert "\ndb_pool_connections_active 3.0\n" in exposition, "the reads, and the holder of the lock"
        holder.rollback()
        database.reads.close()
        for read in reads:
            read.cancel()
        await asyncio.wait(reads)

    with database.engine.connect() as holder:
        asyncio.run(exhaust_reads(holder))
    database.close()
    assert (health.pool()["checked_out"], health.pool()["total_capacity"]) == (0, capacity)
