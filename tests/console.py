"""Steps of a person who uses the shop console in Chromium."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.chromium import Chromium, chromium_or_skip

AXE = Path(__file__).parent / "vendor/axe-core/axe.min.js"
RUN_AXE = "axe.run().then(found => found.violations.map(one => [one.id, ...one.nodes.map(node => node.html)]))"
LOADING = ".MuiCircularProgress-root, .MuiLinearProgress-root, .RaLoadingIndicator-loader"

FIELD = """([...document.querySelectorAll('label, [id$="-label"]')].filter(label => label.innerText.startsWith(%s))
    .map(label => document.getElementById(label.htmlFor) ?? document.querySelector(`[aria-labelledby~="${label.id}"]`))
    .find(field => field))"""
BUTTONS = """[...(document.querySelector('[role=dialog]') ?? document)
    .querySelectorAll('button, [role=button], a')]"""
NAME = "(one.innerText.trim() || one.getAttribute('aria-label'))?.toLowerCase()"
OPTION = f"([...document.querySelectorAll('[role=option]')].find(one => {NAME} === %s))"
BUTTON = f"({BUTTONS}.find(one => {NAME} === %s && !one.disabled))"


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

    def answer(self, name: str) -> None:
        """Click a button of the open dialog, and wait for its end."""
        self.browser.wait_for("!!document.querySelector('[role=dialog]')")
        self.click(name)
        self.browser.wait_for("!document.querySelector('[role=dialog]')")

    def buttons(self) -> set[str]:
        """Return the names of the buttons and links, in small letters."""
        return set(self.browser.evaluate(f"{BUTTONS}.map(one => {NAME})"))

    def fill(self, label: str, text: str) -> None:
        field = FIELD % json.dumps(label)
        self.browser.call_on(field, "focus()")
        self.browser.evaluate(f"{field}.select()")
        self.browser.call("Input.insertText", text=text)

    def choose(self, label: str, option: str, *, typed: bool = False) -> None:
        """Choose from a list that opens with a click, or `typed`, with the search for the option."""
        if typed:
            self.fill(label, option)
            self.browser.call_on(OPTION % json.dumps(option.lower()), "click()")
            return
        field, choice = FIELD % json.dumps(label), OPTION % json.dumps(option.lower())
        press = f"{field}?.dispatchEvent(new MouseEvent('mousedown', {{bubbles: true, button: 0}}))"
        self.browser.wait_for(  # the list opens only once its options are there
            f"{choice} ? ({choice}.click(), true) : (document.querySelector('[role=listbox]') || {press}, false)"
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

    def show_as(self, scheme: str, width: int = 1280, height: int = 900) -> None:
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.browser.call("Emulation.setEmulatedMedia", features=features)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.browser.call("Emulation.setDeviceMetricsOverride", **size)


@contextmanager
def console_page(profile: Path, url: str) -> Iterator[ConsolePage]:
    with chromium_or_skip("CONSOLE", profile) as browser:
        yield ConsolePage(browser, url)
