"""Logging: format of a line, no personal data, and no lost or torn lines."""

import json
import logging
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.logging_config import configure_logging
from config.settings import Settings
from infrastructure.observability import log_queue
from infrastructure.observability.log import print_notice, stop_logging
from infrastructure.observability.log_queue import REQUEST_ID, TRACE_ID, QueuedLog
from infrastructure.observability.log_targets import IN_ERROR_LOG
from infrastructure.server.development import mark_development
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
    configure: Configure, log: Callable[[], str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
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
    console = capfd.readouterr().out.splitlines()
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
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SERVES_DEVELOPMENT", "")
    mark_development(is_development=is_development)
    configure()
    for name in ("alembic.runtime.migration", "uvicorn.error", "shop"):
        logging.getLogger(name).info("detail")
        logging.getLogger(name).warning("warning")
    assert len(log().splitlines()) == 6
    console = capfd.readouterr().out.splitlines()
    assert len(console) == (4 if is_development else 6)
    assert len([line for line in console if line.endswith("warning")]) == 3


def test_details_of_libraries_are_on_the_console_without_a_file(
    configure: Configure, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVES_DEVELOPMENT", "")
    mark_development(is_development=True)
    configure(log_to_file=False)
    logging.getLogger("uvicorn.error").info("detail")
    stop_logging()
    assert "detail" in capfd.readouterr().out


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
    log_failure("column \"x\" does not exist\nLINE 1: INSERT INTO clients (x, name) VALUES (1, 'ada')\n            ^")
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


def test_console_only(configure: Configure, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    configure(log_to_file=False)
    logging.getLogger("shop").info("said")
    stop_logging()
    assert "said" in capfd.readouterr().out
    assert not (tmp_path / "logs").exists()


def test_folder_that_cannot_be_written(configure: Configure, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    configure(log_dir=tmp_path / "file" / "logs")
    logging.getLogger("shop").info("said")
    stop_logging()
    said, warning = sorted(capfd.readouterr().out.splitlines(), key=lambda line: "WARNING" in line)
    assert said.endswith("said")
    assert "WARNING - [-] log lines for the files are lost: [Errno 20] Not a directory" in warning


def test_lines_after_the_stop_are_written_at_once(configure: Configure, log: Callable[[], str]) -> None:
    configure()
    stop_logging()
    logging.getLogger("shop").info("late")
    assert log().endswith("late\n")


WRITER = """
import logging, sys
from config import logging_config
from config.settings import Settings
from infrastructure.observability import log_queue
logging_config.MAX_BYTES, logging_config.BACKUPS, log_queue.FLUSH_SECONDS = 50_000, 500, 100
logging_config.configure_logging(Settings(log_dir=sys.argv[1]))
for number in range(6000):
    logging.getLogger("writer").info("line %s-%05d %s", sys.argv[2], number, "x" * 40)
"""


def test_second_close_waits_for_no_thread(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """Close twice, as a replaced handler is closed again at exit. The threads of its targets have ended."""
    monkeypatch.setattr(log_queue, "FLUSH_SECONDS", threading.TIMEOUT_MAX)
    configure()
    replaced = next(handler for handler in logging.getLogger().handlers if isinstance(handler, QueuedLog))
    configure()
    replaced.close()


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
from config import logging_config
from infrastructure.observability import log, log_queue
from infrastructure.observability.log_targets import lost_lines
from config.settings import Settings
logging_config.configure_logging(Settings(log_dir=sys.argv[1]))
log_queue.FLUSH_SECONDS = 100
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
for number in range(1000):
    logging.getLogger("writer").error("line %d", number)
[queue] = log.queued_logs()
for written in [target.written() for target in queue._targets]:
    written.wait()  # a line that is still queued would meet a disk with space
for line in sys.stdin:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
logging.getLogger("writer").error("after")
log.stop_logging()
sys.stderr.write(f"lost {lost_lines}")
"""
BEGIN = "log lines for the files are lost: [Errno 27] File too large"
END = re.compile(r"log lines for the files are written again, after a loss of (\d+)$", re.MULTILINE)


def full_disk(folder: Path, told: str) -> tuple[str, str]:
    """Simulate a full disk with a limit on the size of files, which ends if `told` is not empty."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(folder)],
        cwd=ROOT,
        input=told,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout, done.stderr


def test_full_disk_costs_whole_lines_of_files_only_and_is_reported_once(tmp_path: Path) -> None:
    console, result = full_disk(tmp_path, "")
    assert len([line for line in console.splitlines() if " - line " in line or "] line " in line]) == 1000
    assert console.count(BEGIN) == 1
    assert "Traceback" not in console
    for name in ("app.log", "error.log"):
        written = (tmp_path / name).read_text()
        assert 3900 < len(written) <= 4096
        assert written.endswith("\n")
        assert all(LINE.fullmatch(line) for line in written.splitlines())
    assert "'files'" in result
    assert "'console'" not in result


def test_files_go_on_when_the_disk_has_space_again(tmp_path: Path) -> None:
    console, result = full_disk(tmp_path, "go on\n")
    [lost] = END.findall(console)
    in_all_files = set(range(1000))
    for name in ("app.log", "error.log"):
        written = (tmp_path / name).read_text()
        assert all(LINE.fullmatch(line) for line in written.splitlines())
        assert END.findall(written) == [lost]
        assert "] after" in written
        in_all_files &= {int(number) for number in re.findall(r"\] line (\d+)$", written, re.MULTILINE)}
    assert len(in_all_files) + int(lost) == 1000
    assert f"'files': {lost}" in result


# Writes lines no faster than the files take them, then waits for the end of its input.
BUSY = """
import logging, sys, time
from pathlib import Path
from config import logging_config
from config.settings import Settings
from infrastructure.observability import log_targets
log_targets.MAX_WAITING = 2000
logging_config.configure_logging(Settings(log_dir=sys.argv[1]))
file = Path(sys.argv[1], "app.log")
for number in range(1, 6001):
    logging.getLogger("writer").info("line %05d %s", number, "x" * 40)
    while number % 500 == 0 and f"line {number:05d}" not in file.read_text():
        time.sleep(0.01)
sys.stderr.write("done\\n")
sys.stderr.flush()
sys.stdin.read()
"""


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that has written 6000 lines, none of which was read from its console."""
    command = [sys.executable, "-c", BUSY, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stderr
        assert process.stderr.readline() == "done\n"
        yield process
        process.kill()


def test_console_that_nobody_reads_stops_neither_the_files_nor_the_process(
    busy: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert busy.stdin
    busy.stdin.close()
    assert busy.wait(60) == 0
    written = (tmp_path / "app.log").read_text()
    assert written.count("] line ") == 6000
    assert written.count("log lines for the console are lost: it does not take them") == 1
    assert "log lines for the console are lost" in (tmp_path / "error.log").read_text()


def test_console_that_is_read_again_says_how_many_lines_are_missing(busy: subprocess.Popen[str]) -> None:
    assert busy.stdin
    assert busy.stdout
    lines = []
    for line in busy.stdout:
        lines.append(line.rstrip("\n"))
        if "written again" in line:
            break
    assert all(LINE.fullmatch(line) for line in lines)
    assert int(lines[-1].rpartition(" ")[2]) == 6000 - len([line for line in lines if "] line " in line])
    busy.stdin.close()
    assert busy.wait(60) == 0


CLOSED_CONSOLE = """
import logging, os, sys
from config.logging_config import configure_logging
from config.settings import Settings
configure_logging(Settings(log_dir=sys.argv[1]))
logging.getLogger("writer").info("line")
"""


@pytest.mark.parametrize("reason", ["Broken pipe", "No space left on device"])
def test_console_that_fails_is_reported_in_the_files(tmp_path: Path, reason: str) -> None:
    if reason == "Broken pipe":
        reader, console = os.pipe()
        os.close(reader)
    else:
        console = os.open("/dev/full", os.O_WRONLY)
    command = [sys.executable, "-c", CLOSED_CONSOLE, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, stdout=console, stderr=subprocess.PIPE, timeout=60, check=True)
    os.close(console)
    assert done.stderr == b""
    written = (tmp_path / "app.log").read_text()
    assert "] line" in written
    assert re.search(rf"log lines for the console are lost: \[Errno \d+\] {reason}\n", written)


def test_removed_folder_is_made_again(configure: Configure, log: Callable[[], str], tmp_path: Path) -> None:
    configure()
    shutil.rmtree(tmp_path / "logs")
    logging.getLogger("shop").info("said")
    assert log().endswith("said\n")


def test_files_are_open_before_file_descriptors_run_out(
    configure: Configure, log: Callable[[], str], tmp_path: Path
) -> None:
    configure()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            os.dup(1)
        logging.getLogger("shop").error("said")
        stop_logging()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert log().endswith("said\n")
    assert (tmp_path / "logs" / "error.log").read_text().endswith("said\n")


def test_marked_lines_are_in_the_error_log(configure: Configure, log: Callable[[], str], tmp_path: Path) -> None:
    configure()
    logging.getLogger("shop").warning("away", extra=IN_ERROR_LOG)
    logging.getLogger("shop").warning("low stock")
    assert len(log().splitlines()) == 2
    [line] = (tmp_path / "logs" / "error.log").read_text().splitlines()
    assert line.endswith("] away")


def test_notice_is_for_the_console_only(
    configure: Configure, log: Callable[[], str], capfd: pytest.CaptureFixture[str]
) -> None:
    configure()
    print_notice("text", "\nAPI  http://x\n", "service", api="http://x")
    assert log() == ""
    assert capfd.readouterr().out == "\nAPI  http://x\n\n"


def test_json_notice(configure: Configure, log: Callable[[], str], capfd: pytest.CaptureFixture[str]) -> None:
    configure(log_format="json")
    print_notice("json", "\nAPI  http://x\n", "service", api="http://x")
    assert log() == ""
    line = json.loads(capfd.readouterr().out)
    assert (line["message"], line["api"], line["level"]) == ("service", "http://x", "INFO")
