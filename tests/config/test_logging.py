"""Logging: format of a line, no personal data, and no lost or torn lines."""

import json
import logging
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.logging_config import CONSOLE_DETAILS, REQUEST_ID, TRACE_ID, QueuedLog, configure_logging, stop_logging
from config.settings import Settings
from tests.servers import ROOT

Configure = Callable[..., None]

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - [\w.]+ - [A-Z]+ - (\S+:\d+ - )?\[[\w.-]+\] .*")


@pytest.fixture
def configure(tmp_path: Path) -> Iterator[Configure]:
    """Return a function that configures logging into the test's folder. Restore the previous state afterwards."""
    root, uvicorn = logging.getLogger(), logging.getLogger("uvicorn.access")
    before = root.level, logging.raiseExceptions, uvicorn.level

    def configure(**options: Any) -> None:
        configure_logging(Settings(**({"log_dir": tmp_path / "logs"} | options)))

    yield configure
    for handler in [handler for handler in root.handlers if isinstance(handler, QueuedLog)]:
        root.removeHandler(handler)
        handler.close()
    level, logging.raiseExceptions, access_level = before
    root.setLevel(level)
    uvicorn.setLevel(access_level)


@pytest.fixture
def log(tmp_path: Path) -> Callable[[], str]:
    """Return a function that reads `app.log`."""

    def read() -> str:
        stop_logging()
        return (tmp_path / "logs" / "app.log").read_text(encoding="utf-8")

    return read


def test_files_and_console(
    configure: Configure, log: Callable[[], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure()
    logging.getLogger("shop").info("order %s placed", 7, extra={"items": 3})
    logging.getLogger("shop").error("no stock")
    lines = log().splitlines()
    assert [line.split(" - ", 1)[1] for line in lines] == [
        f"shop - INFO - test_files_and_console:{_line(lines[0])} - [-] order 7 placed items=3",
        f"shop - ERROR - test_files_and_console:{_line(lines[1])} - [-] no stock",
    ]
    assert (tmp_path / "logs" / "error.log").read_text().splitlines() == lines[1:]
    console = capsys.readouterr().out.splitlines()
    assert [line.split(" - ", 1)[1] for line in console] == [
        "shop - INFO - [-] order 7 placed items=3",
        "shop - ERROR - [-] no stock",
    ]
    assert all(LINE.fullmatch(line) for line in lines + console)


@pytest.mark.parametrize("is_development", [True, False])
def test_details_of_libraries_go_to_the_file_only_in_development(
    is_development: bool,
    configure: Configure,
    log: Callable[[], str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(CONSOLE_DETAILS, str(not is_development).lower())
    configure()
    for name in ("alembic.runtime.migration", "uvicorn.error", "shop"):
        logging.getLogger(name).info("detail")
        logging.getLogger(name).warning("warning")
    assert len(log().splitlines()) == 6
    console = capsys.readouterr().out.splitlines()
    assert len(console) == (4 if is_development else 6)
    assert len([line for line in console if line.endswith("warning")]) == 3


def test_details_of_libraries_are_on_the_console_without_a_file(
    configure: Configure, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONSOLE_DETAILS, "false")
    configure(log_to_file=False)
    logging.getLogger("uvicorn.error").info("detail")
    stop_logging()
    assert "detail" in capsys.readouterr().out


def _line(text: str) -> str:
    found = re.search(r":(\d+) - \[", text)
    assert found
    return found.group(1)


@pytest.mark.parametrize(("level", "written"), [("DEBUG", 4), ("INFO", 3), ("WARNING", 2), ("ERROR", 1)])
def test_level_is_honoured(configure: Configure, log: Callable[[], str], level: str, written: int) -> None:
    configure(log_level=level)
    for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logging.getLogger("shop").log(number, "said")
    assert len(log().splitlines()) == written


def test_request_and_trace_id_in_every_line(configure: Configure, log: Callable[[], str]) -> None:
    configure()
    request, trace = REQUEST_ID.set("abc-1"), TRACE_ID.set("0af7")
    logging.getLogger("shop").info("within")
    REQUEST_ID.reset(request)
    TRACE_ID.reset(trace)
    logging.getLogger("shop").info("outside")
    within, outside = log().splitlines()
    assert within.endswith("[abc-1] within trace_id=0af7")
    assert outside.endswith("[-] outside")


HOSTILE = "1.2.3.4\n2026-01-01 00:00:00 - root - ERROR - [-] wiped\r\x1b[2J\x00\x7f\x85\u2028\u2029\u202e\ud800ü"


def log_failure(text: str, reason: str = "unknown", **extra: int) -> None:
    def fail() -> None:
        raise ValueError(text)

    try:
        fail()
    except ValueError:
        logging.getLogger("shop").exception("failed: %s", reason, extra=extra)


def test_hostile_text_stays_on_its_line(configure: Configure, log: Callable[[], str]) -> None:
    configure()
    logging.getLogger("shop").info("from %s", HOSTILE, extra={"also": HOSTILE})
    written = log()
    assert len(written.splitlines()) == 1
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e\ud800]", written)
    assert r"1.2.3.4\n2026-01-01" in written
    assert "ü" in written


def test_hostile_text_in_a_traceback_is_no_line_of_ours(configure: Configure, log: Callable[[], str]) -> None:
    configure()
    log_failure(HOSTILE)
    first, *rest = log().splitlines()
    assert first.endswith("failed: unknown")
    assert rest[-1].startswith("    2026-01-01")
    assert all(line.startswith("    ") for line in rest)


def test_no_personal_data(configure: Configure, log: Callable[[], str]) -> None:
    configure()
    logging.getLogger("shop").info("mail to %s bounced", "ada@example.com")
    log_failure("duplicate key\nDETAIL:  Key (email)=(ada@example.com) already exists, telephone +4912345678.")
    written = log()
    assert "ada" not in written
    assert "4912345678" not in written
    assert "duplicate key" in written


def test_json(configure: Configure, log: Callable[[], str]) -> None:
    configure(log_format="json")
    log_failure("DETAIL:  Key (email)=(ada@example.com) already exists.", HOSTILE, items=3)
    written = log()
    event = json.loads(written)
    assert len(written.splitlines()) == 1
    assert event["message"] == f"failed: {HOSTILE}"
    assert {name: event[name] for name in ("level", "logger", "request_id", "function", "items")} == {
        "level": "ERROR",
        "logger": "shop",
        "request_id": "-",
        "function": "log_failure",
        "items": 3,
    }
    assert "ValueError" in event["exc_info"]
    assert "ada" not in written


def test_uvicorn_and_sqlalchemy_write_through_it(configure: Configure, log: Callable[[], str]) -> None:
    logging.getLogger("uvicorn").addHandler(logging.StreamHandler())
    configure()
    logging.getLogger("uvicorn.error").info("Started server process")
    logging.getLogger("uvicorn.access").info('127.0.0.1 - "GET /clients?email=ada"')
    logging.getLogger("sqlalchemy.pool").error("broken")
    assert [line.rsplit("] ")[-1] for line in log().splitlines()] == ["Started server process", "broken"]
    assert not logging.getLogger("uvicorn").handlers


def test_console_only(configure: Configure, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(log_to_file=False)
    logging.getLogger("shop").info("said")
    stop_logging()
    assert "said" in capsys.readouterr().out
    assert not (tmp_path / "logs").exists()


def test_folder_that_cannot_be_written(
    configure: Configure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    configure(log_dir=tmp_path / "file" / "logs")
    logging.getLogger("shop").info("said")
    stop_logging()
    warning, said = capsys.readouterr().out.splitlines()
    assert "WARNING - [-] logging to the console only: [Errno 20] Not a directory" in warning
    assert said.endswith("said")


def test_lines_after_the_stop_are_written_at_once(configure: Configure, log: Callable[[], str]) -> None:
    configure()
    stop_logging()
    logging.getLogger("shop").info("late")
    assert log().endswith("late\n")


WRITER = """
import logging, sys
from config import logging_config
from config.settings import Settings
logging_config.MAX_BYTES, logging_config.BACKUPS = 50_000, 500
logging_config.configure_logging(Settings(log_dir=sys.argv[1]))
for number in range(6000):
    logging.getLogger("writer").info("line %s-%05d %s", sys.argv[2], number, "x" * 40)
"""


def test_processes_lose_and_tear_no_line(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [
        subprocess.Popen([*command, str(number)], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for number in range(4)
    ]
    assert [writer.communicate(timeout=120)[1] for writer in writers] == [b""] * 4
    files = list(tmp_path.glob("app.log*"))
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert len(files) > 20
    assert all(LINE.fullmatch(line) for line in lines)
    assert sorted(line.split("line ")[1] for line in lines) == [
        f"{writer}-{number:05d} {'x' * 40}" for writer in range(4) for number in range(6000)
    ]


FULL_DISK = """
import logging, resource, sys
from config.logging_config import configure_logging
from config.settings import Settings
configure_logging(Settings(log_dir=sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
for number in range(1000):
    logging.getLogger("writer").error("line %d", number)
"""


def test_full_disk_costs_file_lines_only(tmp_path: Path) -> None:
    """Simulate a full disk with a limit on the size of files."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert len(done.stdout.splitlines()) == 1000
    assert done.stderr == ""
    assert (tmp_path / "app.log").stat().st_size <= 4096
