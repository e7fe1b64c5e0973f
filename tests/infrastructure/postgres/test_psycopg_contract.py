"""Behaviour of psycopg 3 and libpq that the shared connection for short reads relies on.

Run it after every change of the pinned version: `psycopg.adapt.Transformer` is what psycopg's cursors use, but no
documented entry point.
"""

import asyncio
import select
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import adapt, pq
from psycopg.types.numeric import FloatLoader

from config.settings import Settings
from tests.infrastructure.pins import assert_pinned
from tests.infrastructure.postgres.test_psycopg2_contract import dsn

SECONDS = 10


@pytest.fixture
def connection(settings: Settings) -> Iterator[psycopg.AsyncConnection[Any]]:
    async def connect() -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(**dsn(settings), client_encoding="utf8", autocommit=True)

    connection = asyncio.run(connect())
    connection.pgconn.nonblocking = 1
    connection.pgconn.enter_pipeline_mode()
    yield connection
    connection.pgconn.finish()


def send(pgconn: Any, *statements: bytes) -> None:
    for number, sql in enumerate(statements):
        pgconn.send_prepare(b"%d" % number, sql)
        pgconn.send_query_prepared(b"%d" % number, [])
    pgconn.pipeline_sync()
    assert pgconn.flush() == 0


def answers(pgconn: Any) -> list[Any]:
    """Return all results of a batch, with that of the sync."""
    results: list[Any] = []
    while not results or results[-1].status != pq.ExecStatus.PIPELINE_SYNC:
        if pgconn.is_busy():
            assert select.select([pgconn.socket], [], [], SECONDS)[0], "the server does not answer"
            pgconn.consume_input()
        elif result := pgconn.get_result():
            results.append(result)
    assert pgconn.get_result() is None
    assert not pgconn.is_busy()
    return results


def statuses(results: list[Any]) -> list[str]:
    return [pq.ExecStatus(result.status).name for result in results]


def test_installed_version_is_the_pinned_one() -> None:
    assert_pinned(r"psycopg[binary]")
    assert pq.__impl__ == "binary"
    assert pq.version() >= 180000


def test_batch_has_a_result_for_each_step(connection: Any) -> None:
    send(connection.pgconn, b"SELECT 1", b"SELECT 2")
    results = answers(connection.pgconn)
    assert statuses(results) == ["COMMAND_OK", "TUPLES_OK", "COMMAND_OK", "TUPLES_OK", "PIPELINE_SYNC"]
    assert [results[place].get_value(0, 0) for place in (1, 3)] == [b"1", b"2"]


def test_error_aborts_the_rest_of_its_batch_only(connection: Any) -> None:
    send(connection.pgconn, b"SELECT 1", b"SELECT 1 / 0", b"SELECT 2")
    results = answers(connection.pgconn)
    assert statuses(results) == [
        *("COMMAND_OK", "TUPLES_OK", "COMMAND_OK", "FATAL_ERROR"),
        *("PIPELINE_ABORTED", "PIPELINE_ABORTED", "PIPELINE_SYNC"),
    ]
    error = psycopg.errors.error_from_result(results[3])
    assert isinstance(error, psycopg.errors.DivisionByZero)
    connection.pgconn.pipeline_sync()
    assert statuses(answers(connection.pgconn)) == ["PIPELINE_SYNC"]


def test_transformer_converts_rows_for_json(connection: Any) -> None:
    connection.adapters.register_loader("numeric", FloatLoader)
    send(
        connection.pgconn,
        b"SELECT 1, 1.10::numeric, 'caf\xc3\xa9'::varchar(9), NULL::numeric UNION ALL SELECT 2, 2, '', 3",
    )
    [_, result, _] = answers(connection.pgconn)
    transformer = adapt.Transformer(connection)
    transformer.set_pgresult(result)
    connection.pgconn.finish()
    for _turn in range(2):
        transformer.set_pgresult(result, set_loaders=False)
        assert transformer.load_rows(0, result.ntuples, tuple) == [(1, 1.1, "café", None), (2, 2.0, "", 3.0)]


def test_closed_connection_raises_psycopg_errors(connection: Any) -> None:
    connection.pgconn.finish()
    for use in (connection.pgconn.consume_input, connection.pgconn.flush, connection.pgconn.pipeline_sync):
        with pytest.raises(psycopg.Error):
            use()
