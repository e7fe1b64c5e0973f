"""Database: the engine and the asynchronous pools connect to the same server with the same parameters."""

import asyncio

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from config.settings import Settings
from infrastructure.embedded.ports import free_port
from infrastructure.exceptions import DatabaseUnavailableError
from infrastructure.postgres.database import Database


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
