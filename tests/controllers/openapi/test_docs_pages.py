"""Documentation pages without internet access, including a request from Swagger UI."""

import re
import uuid
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from fastapi.testclient import TestClient

from controllers.openapi.assets import IMMUTABLE
from controllers.openapi.static_files import STATIC
from tests.chromium import Chromium, chromium_or_skip
from tests.servers import App
from tests.servers import running_app as start_app


@pytest.fixture
def client(running_app: TestClient) -> TestClient:
    """Return a client without a transaction: no page needs the database."""
    return running_app


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with start_app(tmp_path_factory.mktemp("app"), {"UVICORN_WORKERS": "1"}) as app:
        yield app


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chromium]:
    with chromium_or_skip("DOCUMENTATION PAGES", tmp_path) as browser:
        yield browser


def test_vendored_files_match_the_manifest() -> None:
    lines = (STATIC / "SHA256SUMS").read_text().splitlines()[1:]
    manifest = {file: digest for digest, file in (line.split("  ") for line in lines)}
    vendored = [file for folder in ("swagger-ui", "redoc") for file in (STATIC / folder).iterdir()]
    assert manifest == {str(f.relative_to(STATIC)): sha256(f.read_bytes()).hexdigest() for f in vendored}


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_page_uses_only_own_files(client: TestClient, page: str) -> None:
    answer = client.get(page)
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
    for link in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
        file = client.get(urljoin(page, link))
        assert not urlsplit(link).netloc
        assert not link.startswith("/"), "breaks behind a path prefix"
        assert file.status_code == 200
        assert link == "openapi.json" or file.headers["Cache-Control"] == IMMUTABLE


def test_root_redirects_to_docs(client: TestClient) -> None:
    assert client.get("/", follow_redirects=False).headers["Location"] == "/docs"


def test_unknown_static_file_is_404(client: TestClient) -> None:
    assert client.get("/static/../main.py").status_code == 404
    assert client.get("/static/%2e%2e/main.py").status_code == 404
    assert client.get("/static/nothing.js").json() == {"detail": "Not Found"}


def test_swagger_ui_sends_a_request(browser: Chromium, service: App) -> None:
    browser.open(f"{service.url}/docs")
    path = "document.querySelector('.opblock-post [data-path=\"/categories\"]')"
    block = f"{path}.closest('.opblock')"
    name = f"Browsed {uuid.uuid4()}"
    browser.call_on(path, "click()")
    browser.call_on(f"{block}.querySelector('.try-out__btn')", "click()")
    browser.call_on(f"{block}.querySelector('textarea')", "select()")
    browser.call("Input.insertText", text=f'{{"name": "{name}"}}')
    browser.call_on(f"{block}.querySelector('.execute')", "click()")
    status = browser.wait_for(
        f"{block}.querySelector('.live-responses-table .response .response-col_status')?.innerText"
    )
    assert status.startswith("201")
    assert name in browser.evaluate(f"{block}.querySelector('.live-responses-table').innerText")
    assert browser.errors == []
    assert_own_host(browser, service)


def test_expanded_checkout_fits_a_phone(browser: Chromium, service: App) -> None:
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.call("Emulation.setDeviceMetricsOverride", **phone)
    browser.open(f"{service.url}/docs")
    path = "document.querySelector('.opblock-post [data-path=\"/orders/checkout\"]')"
    browser.call_on(path, "click()")
    created = f"{path}.closest('.opblock').querySelector('.responses-table .response')"
    assert browser.wait_for(f"{path} && {created}?.innerText.startsWith('201') && {created}.offsetHeight") < 1200
    assert browser.evaluate("document.documentElement.scrollWidth") <= phone["width"]
    assert browser.errors == []


def test_redoc_shows_the_paths(browser: Chromium, service: App) -> None:
    browser.open(f"{service.url}/redoc")
    browser.wait_for("document.body?.innerText.includes('/categories')")
    # ReDoc requests its vendor's logo; the page's policy forbids it, and ReDoc omits the logo.
    assert all("cdn.redoc.ly/redoc/logo-mini.svg' violates" in error for error in browser.errors)
    assert_own_host(browser, service)


def assert_own_host(browser: Chromium, service: App) -> None:
    hosts = {urlsplit(url).netloc for url in browser.requested if url.startswith(("http", "ws"))}
    assert hosts == {urlsplit(service.url).netloc}
