"""Control of the Stripe server that the tests start."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from infrastructure.embedded.ports import LOOPBACK, free_port
from tests.servers import ROOT, until

API_KEY, WEBHOOK_SECRET = "sk_test_12345", "whsec_of_tests"


class LocalStripe:
    def __init__(self, port: int) -> None:
        self.url = f"http://{LOOPBACK}:{port}"
        self._http = httpx2.Client(base_url=self.url, headers={"Authorization": f"Bearer {API_KEY}"})

    def fail(self, path: str, when: str, status: int | None = None) -> None:
        """Let the next request fail whose method and path end so, before or after it takes effect."""
        fault = {"path": path, "when": when} | ({} if status is None else {"status": status})
        self._http.post("/_test/faults", json=[fault])

    def post(self, path: str, data: dict[str, Any]) -> Any:
        response = self._http.post(path, data=data)
        assert response.status_code == 200, response.text
        return response.json()

    def charges(self) -> list[list[Any]]:
        """Return amount, captured and refunded amount of all charges that were not declined."""
        charges: list[list[Any]] = self._http.get("/_test/charges").json()
        return charges

    def requests(self) -> list[str]:
        requests: list[str] = self._http.get("/_test/requests").json()
        return requests

    def reset(self) -> None:
        self._http.post("/_test/faults", json=[])
        self._http.delete("/_config/data")

    def card(self, number: str) -> str:
        """Return the token of a card."""
        card = {"number": number, "exp_month": 12, "exp_year": 2030, "cvc": "123"}
        data = {"type": "card"} | {f"card[{name}]": value for name, value in card.items()}
        return str(self.post("/v1/payment_methods", data)["id"])

    def close(self) -> None:
        self._http.close()


@contextmanager
def localstripe() -> Iterator[LocalStripe]:
    """Start a server, and stop it afterwards."""
    port = free_port()
    command = [sys.executable, "-m", "tests.localstripe_server", str(port)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        server = LocalStripe(port)
        try:
            until(lambda: _answers(server))
            yield server
        finally:
            server.close()
            process.kill()


def _answers(server: LocalStripe) -> bool:
    try:
        return bool(server.charges() == [])
    except httpx2.TransportError:
        return False
