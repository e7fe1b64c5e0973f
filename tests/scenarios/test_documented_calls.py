"""The calls of the documents, run literally by bash and curl on an empty shop: they succeed, and answer as shown."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest

from config.settings import Settings
from tests.conftest import POSTGRES, VALKEY
from tests.localstripe import API_KEY, localstripe
from tests.migrations.test_migrations import new_database
from tests.servers import ROOT, address, running_app, until

BLOCKS = re.compile("^```bash\n(.*?)^```", re.DOTALL | re.MULTILINE)
ANSWER = re.compile(r"(.*?)\n<(\d+)>\n", re.DOTALL)
BETWEEN = "\x1e"  # between the output of two commands
# Parts of the shown answers that differ from run to run: what is left out, times, dates, and the year in numbers.
VARIABLE = re.compile(r"…|\d{4}-\d\d-\d\d(?:T[\d:.]+Z)?|(?<=BILL-)\d{4}|(?<=CN-)\d{4}")
SERVICE, STRIPE = "http://127.0.0.1:8000", "http://127.0.0.1:8420"
WEBHOOK_SECRET = "whsec_test"
ITEMS = [{"product_id": 1, "quantity": 1}]
ORDER = {"client_id": 1, "delivery_method": 3, "payment_type": "card", "items": ITEMS}
FIRST_FOUR = 4
"""Calls of the README that the other documents ask for: category, product, client and address."""


class Call(NamedTuple):
    """Command of a document, and the answers that the document shows below it."""

    command: str
    shown: list[str]


def calls(document: str, heading: str = "") -> list[Call]:
    """Return the calls of a document, or of its part below a heading."""
    text = (ROOT / document).read_text("utf-8")
    if heading:
        text = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found: list[Call] = []
    for line in "\n".join(BLOCKS.findall(text)).splitlines():
        if line.startswith(("# {", "# [")):
            found[-1].shown.append(line.removeprefix("# "))
        elif line.startswith((" ", "done")):
            found[-1] = found[-1]._replace(command=f"{found[-1].command}\n{line}")
        elif line and not line.startswith("#"):
            found.append(Call(line, []))
    made = [call for call in found if "curl " in call.command]
    assert made, f"{document} has no calls"
    return made


def run(url: str, called: list[Call], folder: Path, stripe: str = STRIPE) -> None:
    """Run the calls in one shell, as a reader does. Each answer is a success, and contains what is shown."""
    (folder / ".curlrc").write_text('silent\nshow-error\nwrite-out = "\\n<%{http_code}>\\n"\n')
    script = f"\nprintf '{BETWEEN}'\n".join(call.command for call in called)
    script = script.replace(SERVICE, url).replace(STRIPE, stripe)
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={"CURL_HOME": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    outputs = ran.stdout.split(BETWEEN)
    assert len(outputs) == len(called)
    for call, output in zip(called, outputs, strict=True):
        answers = ANSWER.findall(output)
        assert answers
        assert all(status.startswith("2") for _, status in answers), f"{call.command}\n{output}"
        for shown, (body, _) in zip(call.shown, answers, strict=False):
            assert re.fullmatch(pattern(shown), body), f"{call.command}\n{shown}\n{body}"


def pattern(shown: str) -> str:
    """Return the pattern of a shown answer. What stands behind it, after several spaces, is prose."""
    parts = VARIABLE.split(re.split("   +", shown)[0])
    return ".*".join(re.escape(part) for part in parts)


@pytest.fixture
def environment(settings: Settings) -> Iterator[dict[str, str]]:
    """Return the settings of a service with an empty database of its own."""
    with new_database(settings, "documents"):
        yield address(POSTGRES) | address(VALKEY) | {"POSTGRES_DB": "documents", "UVICORN_WORKERS": "1"}


def test_calls_of_the_readme(environment: dict[str, str], tmp_path: Path) -> None:
    first, own = calls("README.md", "First calls"), calls("README.md", "Your own endpoints")
    with running_app(tmp_path, environment) as app:
        run(app.url, first, tmp_path)
    with running_app(tmp_path, environment | {"PYTHONPATH": str(ROOT)}, ROOT / "examples/shop.py") as app:
        run(app.url, own, tmp_path)


@pytest.mark.parametrize(("document", "heading"), [("docs/SHIPPING.md", ""), ("docs/PAYMENTS.md", "First calls")])
def test_calls_of_a_document(environment: dict[str, str], tmp_path: Path, document: str, heading: str) -> None:
    called = calls(document, heading)
    with running_app(tmp_path, environment) as app:
        run(app.url, calls("README.md", "First calls")[:FIRST_FOUR] + called, tmp_path)


def test_calls_with_stripe(environment: dict[str, str], tmp_path: Path) -> None:
    """Run the order's way against localstripe. Afterwards, capture a payment there: only the webhook tells of it."""
    called = calls("docs/PAYMENTS.md", "Stripe")
    with localstripe() as stripe:
        own = {"STRIPE_API_KEY": API_KEY, "STRIPE_API_BASE": stripe.url, "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET}
        with running_app(tmp_path, environment | own | {"PAYMENT_SWEEP_INTERVAL": "3600"}) as app:
            run(app.url, calls("README.md", "First calls")[:FIRST_FOUR] + called, tmp_path, stripe.url)
            assert stripe.charges() == [[99999, True, 99999]]
            order = httpx2.post(f"{app.url}/orders/checkout", json=ORDER).json()["order"]["id_key"]
            body = {"provider": "stripe", "token": "pm_card_visa"}
            payment = httpx2.post(f"{app.url}/orders/{order}/payments", json=body, timeout=30).json()
            assert payment["status"] == "authorized"
            stripe.post(f"/v1/payment_intents/{payment['reference']}/capture", {})
            path = f"{app.url}/payments/{payment['id_key']}"
            until(lambda: httpx2.get(path).json()["status"] == "captured")
