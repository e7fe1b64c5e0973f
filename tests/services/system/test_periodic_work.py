"""Periodic work goes on after outages and errors."""

import asyncio
import logging

import pytest

from infrastructure.exceptions import DatabaseUnavailableError, RefusedError
from services.system.periodic_work import PeriodicWork, keep_doing

LOGGER = "services.system.periodic_work"


def test_outages_and_errors_do_not_end_periodic_work(caplog: pytest.LogCaptureFixture) -> None:
    """Expect a line at DEBUG for an outage, which has its own log, and a traceback for an error."""
    outcomes = [DatabaseUnavailableError("away"), RefusedError("a standby"), ValueError("broken"), None]
    caplog.set_level(logging.DEBUG, LOGGER)

    async def work() -> None:
        if not outcomes:
            raise asyncio.CancelledError
        if error := outcomes.pop(0):
            raise error

    async def scenario() -> None:
        with pytest.raises(asyncio.CancelledError):
            await keep_doing(PeriodicWork("count", 0, work))

    asyncio.run(scenario())
    records = [
        (one.levelname, one.getMessage()) for one in caplog.records if one.name == "services.system.periodic_work"
    ]
    assert records == [
        ("DEBUG", "count: later, since away"),
        ("DEBUG", "count: later, since a standby"),
        ("ERROR", "count: failed"),
    ]


@pytest.mark.parametrize("is_done_at_start", [True, False])
def test_work_that_the_start_has_done_waits_for_a_period(is_done_at_start: bool) -> None:
    done = list[str]()

    async def work() -> None:
        done.append("again")

    async def scenario() -> None:
        task = asyncio.create_task(keep_doing(PeriodicWork("count", 3600, work, is_done_at_start)))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()

    asyncio.run(scenario())
    assert done == ([] if is_done_at_start else ["again"])
