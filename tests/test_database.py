"""The two ways to PostgreSQL go to the same place, in the same manner."""

import asyncio

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from config.database import Database
from config.errors import DatabaseUnavailableError
from config.settings import Settings


def test_parameters_of_the_url_hold_for_transactions_and_for_plain_reads(settings: Settings) -> None:
    url = settings.sqlalchemy_url().set(drivername="postgresql").update_query_dict({"sslmode": "require"})
    wanted = SecretStr(url.render_as_string(hide_password=False))

    async def read() -> None:
        database = Database(settings.model_copy(update={"database_url": wanted}))
        try:
            with database.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except OperationalError as error:
            assert "SSL" in str(error)  # noqa: PT017 # the plain read below has to fail as well
            await database.reads.fetch("SELECT 1", {})
        finally:
            database.close()

    with pytest.raises(DatabaseUnavailableError, match="SSL"):
        asyncio.run(read())
