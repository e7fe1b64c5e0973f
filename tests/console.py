"""Steps of a person who uses the shop console in Chromium."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.chromium import Chromium, chromium, find_chromium

AXE = Path(__file__).parent / "vendor/axe-core/axe.min.js"
RUN_AXE = "axe.run().then(found => found.violations.map(one => [one.id, ...one.nodes.map(node => node.html)]))"
LOADING = ".MuiCircularProgress-root, .MuiLinearProgress-root, .RaLoadingIndicator-loader"

FIELD = """([...document.querySelectorAll('label, [id$="-label"]')].filter(label => label.innerText.startsWith(%s))
    .map(label => document.getElementById(label.htmlFor) ?? document.querySelector(`[aria-labelledby~="${label.id}"]`))
    .find(field => field))"""
BUTTON = """([...document.querySelectorAll('button, [role=button], a, [role=option]')]
    .find(one => (one.innerText.trim() || one.getAttribute('aria-label'))?.toLowerCase() === %s && !one.disabled))"""


class ConsolePage:
    def __init__(self, browser: Chromium, url: str) -> None:
        self.browser, self._url = browser, url

    def open(self, place: str = "/") -> None:
        self.browser.open("about:blank")  # another fragment alone loads nothing
        self.browser.open(f"{self._url}/console#{place}")

    def see(self, text: str) -> None:
        """Wait for the text, in any letter case: the theme writes buttons in capitals."""
        self.browser.wait_for(f"document.body?.innerText.toLowerCase().includes({json.dumps(text.lower())})")

    def click(self, name: str) -> None:
        self.browser.call_on(BUTTON % json.dumps(name.lower()), "click()")

    def fill(self, label: str, text: str) -> None:
        field = FIELD % json.dumps(label)
        self.browser.call_on(field, "focus()")
        self.browser.evaluate(f"{field}.select()")
        self.browser.call("Input.insertText", text=text)

    def choose(self, label: str, option: str, *, typed: bool = False) -> None:
        """Choose from a list that opens with a click, or `typed`, with the search for the option."""
        if typed:
            self.fill(label, option)
            self.click(option)
            return
        field, button = FIELD % json.dumps(label), BUTTON % json.dumps(option.lower())
        press = f"{field}?.dispatchEvent(new MouseEvent('mousedown', {{bubbles: true, button: 0}}))"
        self.browser.wait_for(  # the list opens only once its options are there
            f"{button} ? ({button}.click(), true) : (document.querySelector('[role=listbox]') || {press}, false)"
        )

    def place(self) -> str:
        return str(self.browser.evaluate("location.hash"))

    def sign_in(self, key: str) -> None:
        self.fill("API key", key)
        self.click("Sign in")

    def violations(self) -> Any:
        """Return the rules of axe that the page breaks once it has loaded."""
        self.browser.wait_for(f"!document.querySelector('{LOADING}')")
        self.browser.evaluate(AXE.read_text())
        return self.browser.evaluate(RUN_AXE)

    def show_as(self, scheme: str, width: int = 1280) -> None:
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.browser.call("Emulation.setEmulatedMedia", features=features)
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.browser.call("Emulation.setDeviceMetricsOverride", **size)


@contextmanager
def console_page(profile: Path, url: str) -> Iterator[ConsolePage]:
    path = find_chromium()
    if not path:
        pytest.skip("CONSOLE NOT TESTED IN A BROWSER: Chromium is missing and cannot be installed")
    with chromium(path, profile) as browser:
        yield ConsolePage(browser, url)
