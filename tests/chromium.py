"""Headless Chromium for tests, driven over the pipe of the DevTools protocol, without a port, driver or package.

It ends when the pipe closes, so a killed test run leaves no browser behind.
"""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
NO_FOREIGN_HOSTS = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
    "--window-size=1280,1000",
)
TIMEOUT_SECONDS = 60


class Chromium:
    """One page. `errors` holds the errors that the browser logged, `requested` the addresses that it requested."""

    def __init__(self, commands: int, answers: int) -> None:
        self.errors: list[str] = []
        self.requested: list[str] = []
        self._commands = commands
        self._answers = open(answers, "rb", closefd=False)  # noqa: SIM115 # `chromium` closes it
        self._last_id = 0
        self._session: dict[str, str] = {}
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._session = {"sessionId": session}
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def call(self, method: str, **params: Any) -> Any:
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": params, **self._session}
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._last_id:
            self._record(answer.get("method"), answer.get("params", {}))
        assert "error" not in answer, answer
        return answer["result"]

    def evaluate(self, expression: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """Return the first truthy value of the JavaScript `expression`; fail after 60 seconds."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < deadline, f"never became true: {expression}; errors: {self.errors}"
            time.sleep(0.05)
        return value

    def call_on(self, element: str, method: str) -> None:
        """Wait until the expression `element` gives an element, and call its method."""
        self.wait_for(f"{element} && ({element}.{method}, true)")

    def _read(self) -> Any:
        message = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "Chromium has ended"
            message += byte
        return json.loads(message)

    def _record(self, method: str | None, params: Any) -> None:
        if method == "Network.requestWillBeSent":
            self.requested.append(params["request"]["url"])
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(params["exceptionDetails"]["text"])


def find_chromium() -> str | None:
    """Return the path of the browser, or None; as root with apt-get, install it if it is missing."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found or os.geteuid() or not shutil.which("apt-get"):
        return found
    for command in ("update", "install -y --no-install-recommends chromium"):
        subprocess.run(["apt-get", "-qq", *command.split()], capture_output=True, check=False, timeout=300)
    return shutil.which(NAMES[0])


@contextlib.contextmanager
def chromium_or_skip(pages: str, profile: Path) -> Iterator[Chromium]:
    """Start the browser, or skip the test of these pages."""
    path = find_chromium()
    if not path:
        pytest.skip(f"{pages} NOT TESTED IN A BROWSER: Chromium is missing and cannot be installed")
    with chromium(path, profile) as browser:
        yield browser


@contextlib.contextmanager
def chromium(path: str, profile: Path) -> Iterator[Chromium]:
    command_reader, command_writer = os.pipe()
    answer_reader, answer_writer = os.pipe()
    pipe_ends = [
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_DUP2, command_reader, 3),
        (os.POSIX_SPAWN_DUP2, answer_writer, 4),
    ]
    arguments = [path, *FLAGS, NO_FOREIGN_HOSTS, f"--user-data-dir={profile}"]
    process = os.posix_spawn(path, arguments, os.environ, file_actions=pipe_ends)
    os.close(command_reader)
    os.close(answer_writer)
    try:
        yield Chromium(command_writer, answer_reader)
    finally:
        os.close(command_writer)
        os.close(answer_reader)
        os.waitpid(process, 0)
