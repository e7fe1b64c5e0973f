"""Pictures of the start page and the console for the documents: `make screenshots`. It needs Chromium.

It runs the service on servers of its own, in a temporary folder, with a demo shop.
"""

import base64
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from scripts.output import write
from tests.chromium import Chromium, chromium, find_chromium
from tests.console import LOADING, ConsolePage
from tests.servers import ROOT, environment_without_settings, running_app

FOLDER = ROOT / "docs/images"
PHONE = 390
MAX_BYTES = 150_000
UNCHANGED = """new Promise(done => {
    const look = before => document.body.innerText === before ? done() : setTimeout(look, 500, document.body.innerText);
    look();
})"""
"""Wait until the page's text has not changed for half a second: names of other objects come last."""


class Picture(NamedTuple):
    """Page, and the text that it shows once it is complete."""

    name: str
    path: str
    text: str
    scheme: str = "light"
    width: int = 1280
    height: int = 900


PICTURES = (
    Picture("start", "/", "1,000 products"),
    Picture("dashboard", "/console", "Requests per second"),
    Picture("dashboard-dark", "/console", "Requests per second", scheme="dark"),
    Picture("dashboard-phone", "/console", "Top products", width=PHONE),
    Picture("order", "/console#/orders/5/show", "Too small", height=960),
    Picture("products", "/console#/products", "Category", height=600),
)


def main() -> None:
    path = find_chromium()
    if not path:
        sys.exit("Chromium is missing: install it, then run `make screenshots` again")
    with TemporaryDirectory() as folder, running_app(Path(folder), {}, ROOT / "main.py") as app:
        environment = environment_without_settings() | {"PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-m", "scripts.shop", "demo"], cwd=folder, env=environment, check=True)
        with chromium(path, Path(folder, "profile")) as browser:
            browser.call("Emulation.setScrollbarsHidden", hidden=True)
            for picture in PICTURES:
                show(browser, app.url, picture)
                save(browser, FOLDER / f"{picture.name}.png")


def show(browser: Chromium, url: str, picture: Picture) -> None:
    page = ConsolePage(browser, url)
    page.show_as(picture.scheme, picture.width, picture.height)
    browser.open("about:blank")  # another fragment alone loads nothing
    browser.open(url + picture.path)
    page.see(picture.text)
    browser.wait_for(f"!document.querySelector('{LOADING}')")
    browser.evaluate(UNCHANGED)


def save(browser: Chromium, file: Path) -> None:
    """Write what the window shows."""
    picture = base64.b64decode(browser.call("Page.captureScreenshot", format="png", optimizeForSpeed=False)["data"])
    if len(picture) > MAX_BYTES:
        sys.exit(f"{file.name} would have {len(picture):,} bytes: more than documents should load")
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(picture)
    write(False, {}, f"{file.relative_to(ROOT)}: {len(picture) // 1000} kB\n")


if __name__ == "__main__":
    main()
