"""The production launcher with real processes that hang, are killed, lose their terminal or find their port taken."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.embedded.process import command_line
from tests.servers import ROOT, App, is_live, running_app, until

ADDRESSES = ("POSTGRES_", "REDIS_")


@pytest.fixture
def servers(settings: Settings) -> dict[str, str]:
    """Return variables with the addresses of the session's servers, so that no launcher starts its own."""
    return {name: value for name, value in os.environ.items() if name.startswith(ADDRESSES)}


@pytest.fixture
def patched(tmp_path: Path) -> Path:
    """Return a launcher that takes a worker for hung after five seconds."""
    script = tmp_path / "patched.py"
    script.write_text(
        "import run_production\nfrom infrastructure.server import worker_process\n"
        "if __name__ == '__main__':\n    worker_process.HUNG_SECONDS = 5\n    run_production.main()\n"
    )
    return script


def serving(app: App) -> list[int]:
    """Return the workers, when both have started."""
    until(lambda: app.log.read_bytes().count(b"Application startup complete") >= 2)
    return app.workers()


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if command_line(pid)]


def connect(app: App) -> socket.socket:
    host, _, port = app.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), 60)


def half_a_request(app: App) -> http.client.HTTPConnection:
    """Send a request without the end of its body, `}`, and return its connection."""
    connection = http.client.HTTPConnection(app.url.removeprefix("http://"), timeout=60)
    connection.putrequest("POST", "/categories")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", "2")
    connection.endheaders(b"{")
    return connection


def finish(connection: http.client.HTTPConnection) -> None:
    with closing(connection):
        connection.send(b"}")
        assert connection.getresponse().status == 422


def test_a_hung_worker_is_replaced_and_delays_no_other(servers: dict[str, str], patched: Path, tmp_path: Path) -> None:
    with running_app(tmp_path, servers | {"PYTHONPATH": str(ROOT)}, script=patched) as app:
        hung, killed = serving(app)
        os.kill(hung, signal.SIGSTOP)
        os.kill(killed, signal.SIGKILL)
        until(lambda: not {hung, killed} & set(app.workers()) and len(app.workers()) == 2)
        until(lambda: is_live(app))
        log = app.log.read_text()
        assert log.index(f"Worker {killed} died") < log.index(f"Worker {hung} hangs")


def test_workers_are_replaced_when_the_process_is_killed_that_they_are_copied_from(
    servers: dict[str, str], tmp_path: Path
) -> None:
    with running_app(tmp_path, servers) as app:
        first, origin = serving(app), app.origin()
        assert origin
        os.kill(origin, signal.SIGKILL)
        until(lambda: not alive(first) and len(app.workers()) == 2 and is_live(app))
        assert app.stop() == 0


def test_a_stop_of_the_whole_group_finishes_requests(servers: dict[str, str], tmp_path: Path) -> None:
    with running_app(tmp_path, servers) as app:
        serving(app)
        begun, pids = half_a_request(app), app.processes()
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        until(lambda: is_refused(app))
        assert app.process.poll() is None
        finish(begun)
        assert app.process.wait(60) == 0
        until(lambda: not alive(pids))


@pytest.mark.parametrize("hung", [1, 2])
def test_hung_workers_do_not_block_a_stop(servers: dict[str, str], tmp_path: Path, hung: int) -> None:
    with running_app(tmp_path, servers | {"TIMEOUT_GRACEFUL_SHUTDOWN": "1"}) as app:
        workers = serving(app)
        pids = app.processes()
        for pid in workers[:hung]:
            os.kill(pid, signal.SIGSTOP)
        assert app.stop() == 0
        until(lambda: not alive(pids))


def test_a_stop_resets_no_connection(servers: dict[str, str], tmp_path: Path) -> None:
    """Connect all the time, from before the stop until the end. Each connection is refused or answered."""
    with running_app(tmp_path, servers) as app, ThreadPoolExecutor(4) as pool:
        serving(app)
        begun = [half_a_request(app) for _ in range(4)]
        all_have_answers = threading.Barrier(5)
        asking = [pool.submit(ask_until_refused, app, all_have_answers) for _ in range(4)]
        all_have_answers.wait(60)
        app.process.terminate()
        for each in asking:
            each.result(60)
        assert app.process.poll() is None, "requests in progress do not delay the refusal"
        for connection in begun:
            finish(connection)
        assert app.process.wait(60) == 0


def ask_until_refused(app: App, all_have_answers: threading.Barrier) -> None:
    ask(app)
    all_have_answers.wait(60)
    with suppress(ConnectionRefusedError):
        while True:
            ask(app)


def ask(app: App) -> None:
    with connect(app) as connection:
        connection.sendall(b"GET /health_check/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert connection.recv(1000).startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 503 "))


def test_a_hung_worker_keeps_no_port_open_during_a_stop(servers: dict[str, str], tmp_path: Path) -> None:
    with running_app(tmp_path, servers | {"TIMEOUT_GRACEFUL_SHUTDOWN": "600"}) as app:
        [hung, _] = serving(app)
        os.kill(hung, signal.SIGSTOP)
        app.process.terminate()
        until(lambda: is_refused(app))
        assert hung in app.workers()
        os.kill(hung, signal.SIGCONT)
        assert app.process.wait(60) == 0


def is_refused(app: App) -> bool:
    try:
        connect(app).close()
    except ConnectionRefusedError:
        return True
    return False


def test_an_interrupt_of_all_processes_finishes_requests(servers: dict[str, str], tmp_path: Path) -> None:
    """Ctrl+C reaches the workers as well."""
    with running_app(tmp_path, servers) as app:
        workers = serving(app)
        begun = [half_a_request(app) for _ in range(4)]
        for pid in [*workers, app.process.pid]:
            os.kill(pid, signal.SIGINT)
        until(lambda: b"Received SIGINT" in app.log.read_bytes())
        for connection in begun:
            finish(connection)
        assert app.process.wait(60) == 0


def test_a_stopped_worker_finishes_its_requests_and_is_replaced(servers: dict[str, str], tmp_path: Path) -> None:
    with running_app(tmp_path, servers) as app:
        first = serving(app)
        begun = [half_a_request(app) for _ in range(4)]
        for pid in first:
            os.kill(pid, signal.SIGTERM)
        until(lambda: len(set(app.workers()) - set(first)) == 2)
        for connection in begun:
            finish(connection)
        until(lambda: not alive(first))
        until(lambda: is_live(app))


# Makes standard input the controlling terminal of a new session, as a login shell does, and starts the launcher.
IN_TERMINAL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGHUP, signal.SIG_IGN if sys.argv[1] == "nohup" else signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, sys.argv[2]])
"""


@contextmanager
def app_in_terminal(environment: dict[str, str], folder: Path, how: str) -> Iterator[tuple[App, int]]:
    """Run the production launcher in a terminal, and yield it with the terminal's other end."""
    port, log = free_port(), folder / "output.log"
    master, slave = os.openpty()
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", IN_TERMINAL, how, str(ROOT / "run_production.py")],
            cwd=folder,
            env=os.environ | environment | {"API_PORT": str(port), "UVICORN_WORKERS": "2"},
            stdin=slave,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    os.close(slave)
    app = App(process, f"http://{LOOPBACK}:{port}", log)
    try:
        until(lambda: process.poll() is not None or is_live(app), 120)
        serving(app)
        yield app, master
    finally:
        process.terminate()
        process.wait(60)
        with suppress(OSError):
            os.close(master)


def test_a_closed_terminal_ends_the_service(servers: dict[str, str], tmp_path: Path) -> None:
    with app_in_terminal(servers, tmp_path, "shell") as (app, terminal):
        pids, connection = app.processes(), half_a_request(app)
        os.close(terminal)
        until(lambda: is_refused(app))
        finish(connection)
        assert app.process.wait(60) == 0
        until(lambda: not alive(pids))


def test_a_service_under_nohup_survives_its_terminal(servers: dict[str, str], tmp_path: Path) -> None:
    with app_in_terminal(servers, tmp_path, "nohup") as (app, terminal):
        pids = app.processes()
        os.close(terminal)
        os.kill(app.process.pid, signal.SIGHUP)
        assert is_live(app)
        assert alive(pids) == pids


def test_a_taken_port_is_one_line(servers: dict[str, str], tmp_path: Path) -> None:
    """Also when the port's owner is_live like the service, so that its answer could pass for ours."""
    with running_app(tmp_path, servers) as app:
        port = app.url.rpartition(":")[2]
        for script in ("run_production.py", "main.py"):
            folder = tmp_path / script
            folder.mkdir()
            done = subprocess.run(
                [sys.executable, str(ROOT / script)],
                cwd=folder,
                env=os.environ | servers | {"API_PORT": port},
                capture_output=True,
                text=True,
                check=False,
            )
            assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1), done
            assert f"API_PORT={port}: the port is in use by process {app.process.pid} (" in done.stderr


def test_workers_keep_the_settings_of_their_parent(servers: dict[str, str], tmp_path: Path) -> None:
    """Change `.env` and let new workers start. An invalid line would end them."""
    file = tmp_path / ".env"
    file.write_text("CORS_ORIGINS=https://before.example\n")
    with running_app(tmp_path, servers) as app:
        first = serving(app)
        file.write_text("CORS_ORIGINS=https://after.example\nDB_POOL_SIZE=nonsense\n")
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        until(lambda: not set(first) & set(app.workers()) and is_live(app))
        response = httpx2.get(f"{app.url}/products", headers={"Origin": "https://before.example"})
        assert response.headers["access-control-allow-origin"] == "https://before.example"


# The workers of this launcher end as if the application could not start.
FAILING = """
import sys
import run_production
from infrastructure.server import supervisor

def fail(*_):
    sys.exit(1)

if __name__ == "__main__":
    supervisor.serve_requests = fail
    run_production.main()
"""


def test_workers_that_cannot_start_end_the_service(servers: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "failing.py"
    script.write_text(FAILING)
    with (
        pytest.raises(AssertionError, match="No worker can start, so the service stops"),
        running_app(tmp_path, servers | {"PYTHONPATH": str(ROOT)}, script=script) as app,
    ):
        assert app.process.wait(60) == 3


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no CPU affinity")
def test_the_default_is_one_worker_for_each_usable_core(servers: dict[str, str], tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    script = tmp_path / "one_core.py"
    script.write_text(
        f"import os\nif __name__ == '__main__':\n    os.sched_setaffinity(0, [{core}])\n"
        "    import run_production\n    run_production.main()\n"
    )
    settings = {"PYTHONPATH": str(ROOT), "UVICORN_WORKERS": "", "CORS_ORIGINS": ""}
    with running_app(tmp_path, servers | settings, script=script) as app:
        assert len(app.workers()) == 1
        log = app.log.read_text()
        assert "UVICORN_WORKERS" in log
        assert "WARNING" not in log


def test_workers_are_no_copies_if_the_path_of_the_socket_is_too_long(servers: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    with running_app(tmp_path, servers | {"TMPDIR": str(folder)}) as app:
        assert len(serving(app)) == 2
        assert app.origin() is None
        assert app.log.read_text().count("A worker is no copy, and imports the application itself: OSError(") == 2
        assert app.stop() == 0


def test_a_worker_is_no_copy_if_the_socket_was_removed(servers: dict[str, str], tmp_path: Path) -> None:
    with running_app(tmp_path, servers) as app:
        first = serving(app)
        for socket_file in tmp_path.glob("pymp-*/listener-*"):
            socket_file.unlink()
        os.kill(first[0], signal.SIGKILL)
        until(lambda: first[0] not in app.workers() and len(app.workers()) == 2 and is_live(app))
        assert "imports the application itself: FileNotFoundError(" in app.log.read_text()
        assert app.stop() == 0
