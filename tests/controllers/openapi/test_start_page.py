"""The start page: facts and links, in a browser, and the button that fills the demo shop in development."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from config.settings import Settings
from controllers.system.demo_shop import PATH
from infrastructure.embedded.ports import free_port
from infrastructure.server.development import mark_development
from services.system.demo_shop import fill_demo_shop
from tests.chromium import Chromium, chromium_or_skip
from tests.controllers.openapi.test_docs_pages import assert_own_host
from tests.servers import ROOT, App
from tests.servers import running_app as start_app

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SIZES = ({"width": 1280, "height": 900}, {"width": 390, "height": 844})


@pytest.fixture
def client(running_app: TestClient) -> TestClient:
    """Return a client without a transaction: the page does not need the database."""
    return running_app


@pytest.fixture(scope="module")
def development(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Run the service as `make run` does."""
    with start_app(tmp_path_factory.mktemp("app"), {"RELOAD": "false"}, ROOT / "main.py") as app:
        yield app


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chromium]:
    with chromium_or_skip("START PAGE", tmp_path) as browser:
        yield browser


def test_browsers_get_the_page_and_others_are_sent_to_the_documentation(client: TestClient) -> None:
    page = client.get("/", headers=BROWSER)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    other = client.get("/", headers={"Accept": "application/json"}, follow_redirects=False)
    assert (other.status_code, other.headers["Location"]) == (307, "/docs")
    assert all("Accept" in answer.headers.get_list("Vary") for answer in (page, other))
    assert client.get("/", headers={**BROWSER, "If-None-Match": page.headers["ETag"]}).status_code == 304


def test_page_says_who_may_use_the_service(client: TestClient, running_guarded_app: TestClient) -> None:
    assert "<strong>Open.</strong>" in client.get("/", headers=BROWSER).text
    closed = running_guarded_app.get("/", headers=BROWSER).text
    assert "<strong>Closed.</strong> Requests need an API key" in closed
    assert "make api-key role=admin" in closed


def test_page_links_to_pages_that_exist(client: TestClient) -> None:
    html = client.get("/", headers=BROWSER).text
    for path in ("/docs", "/redoc", "/openapi.json", "/health_check"):
        assert f'href="{path}"' in html
        assert client.get(path).status_code == 200
    assert "/guide" not in html or client.get("/guide").is_success


def test_demo_shop_is_closed_in_production(client: TestClient) -> None:
    assert client.post(PATH).status_code == 404
    assert 'id="fill"' not in client.get("/", headers=BROWSER).text


def test_demo_shop_needs_an_admin(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from main import create_fastapi_app

    monkeypatch.setenv("SERVES_DEVELOPMENT", "")
    mark_development(is_development=True)
    app = create_fastapi_app(settings.model_copy(update={"auth_mode": "api_key", "redis_enabled": False}))
    with TestClient(app) as closed:
        assert closed.post(PATH).status_code == 401
        assert 'id="fill"' not in closed.get("/", headers=BROWSER).text


def test_a_failure_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_PORT", str(free_port()))

    async def lines() -> list[dict[str, Any]]:
        return [line async for line in fill_demo_shop()]

    [line] = asyncio.run(lines())
    assert line["error"].startswith("The database cannot be used")


def test_button_fills_the_shop(browser: Chromium, development: App) -> None:
    for size in SIZES:
        browser.call("Emulation.setDeviceMetricsOverride", **size, deviceScaleFactor=1, mobile=size["width"] < 400)
        browser.open(f"{development.url}/")
        browser.wait_for("document.querySelector('#checks')?.innerText.includes('PostgreSQL')")
        assert browser.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert browser.evaluate("document.querySelector('#state').innerText") == "Healthy"
    browser.call_on("document.querySelector('#fill')", "click()")
    browser.wait_for("document.querySelector('#shop').innerText == 'This shop has 1,000 products.'")
    assert "rows added." in browser.evaluate("document.querySelector('#step').innerText")
    again = httpx2.post(f"{development.url}{PATH}", timeout=60)
    assert [json.loads(line) for line in again.text.splitlines()] == [{"added": 0}]
    assert browser.errors == []
    assert_own_host(browser, development)
