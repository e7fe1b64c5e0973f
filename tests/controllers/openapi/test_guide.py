"""The guide at `/guide`, with a small site instead of the one that `make docs` builds; in a browser, with that one."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

from config.settings import Settings
from controllers.openapi import guide_page
from controllers.openapi.assets import IMMUTABLE
from infrastructure.embedded.ports import LOOPBACK, free_port
from tests.chromium import chromium_or_skip
from tests.servers import served_in_thread

SCRIPT = "document.title = 'Guide'"
PAGE = f'<!DOCTYPE html><script>{SCRIPT}</script><script src="assets/guide.js"></script>'
HASH = f"'sha256-{b64encode(sha256(SCRIPT.encode()).digest()).decode()}'"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(guide_page, "SITE", tmp_path)
    return tmp_path


def client_of(settings: Settings) -> TestClient:
    from main import create_fastapi_app

    return TestClient(create_fastapi_app(settings), follow_redirects=False)  # not started: no page needs a server


@pytest.fixture
def client(settings: Settings, site: Path) -> TestClient:
    (site / "docs").mkdir()
    for name in ("index.html", "docs/API.html"):
        (site / name).write_text(PAGE)
    (site / "guide.js").write_text("")
    return client_of(settings)


@pytest.mark.parametrize(("path", "start"), [("/guide", "guide/index.html"), ("/guide/", "index.html")])
def test_guide_begins_with_its_index(client: TestClient, path: str, start: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (307, start)
    assert client.get(path, follow_redirects=True).url.path == "/guide/index.html"


def test_pages_run_only_their_own_scripts(client: TestClient, site: Path) -> None:
    for path in ("/guide/index.html", "/guide/docs/API.html"):
        answer = client.get(path)
        assert (answer.status_code, answer.text) == (200, PAGE)
        assert f"script-src 'self' {HASH};" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-cache"
        again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["Content-Security-Policy"] == answer.headers["Content-Security-Policy"]


def test_files_named_by_their_contents_are_kept(client: TestClient, site: Path) -> None:
    (site / "assets").mkdir()
    for name in ("main.57a0d79d.min.css", "main.min.css"):
        (site / "assets" / name).write_text("")
    kept, asked = (client.get(f"/guide/assets/main{mark}.min.css") for mark in (".57a0d79d", ""))
    assert (kept.headers["Cache-Control"], asked.headers["Cache-Control"]) == (IMMUTABLE, "no-cache")


def test_other_files_have_no_policy_for_scripts(client: TestClient) -> None:
    answer = client.get("/guide/guide.js")
    assert answer.status_code == 200
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["nothing.html", "docs", "%2e%2e/main.py", "../main.py"])
def test_unknown_pages_are_404(client: TestClient, path: str) -> None:
    assert client.get(f"/guide/{path}").status_code == 404


def test_start_page_links_to_the_guide_only_if_it_is_there(settings: Settings, client: TestClient, site: Path) -> None:
    html = {"Accept": "text/html"}
    assert '<a href="/guide">' in client.get("/", headers=html).text
    (site / "index.html").unlink()
    without = client_of(settings)
    assert "/guide" not in without.get("/", headers=html).text
    assert without.get("/guide").status_code == 404


def test_search_finds_and_opens_a_page(settings: Settings, tmp_path: Path) -> None:
    from main import create_fastapi_app

    if not (guide_page.SITE / "index.html").exists():
        pytest.skip("GUIDE NOT TESTED IN A BROWSER: `make docs` has not been run")
    app = create_fastapi_app(settings.model_copy(update={"api_host": LOOPBACK, "api_port": free_port()}))
    with served_in_thread(app) as port, chromium_or_skip("GUIDE", tmp_path) as browser:
        browser.open(f"http://{LOOPBACK}:{port}/guide/index.html")
        browser.call_on("document.readyState === 'complete' && document.querySelector('.md-search__input')", "focus()")
        browser.wait_for("document.querySelector('.md-search-result__meta').innerText.startsWith('Type')")
        browser.call("Input.insertText", text="idempotenc")
        for step in ({"type": "keyDown", "text": "y"}, {"type": "keyUp"}):  # the search waits for the end of a key
            browser.call("Input.dispatchKeyEvent", key="y", **step)
        found = browser.wait_for("document.querySelector('.md-search-result__link')?.href")
        assert not found.startswith(f"http://{LOOPBACK}:{port}/guide/index.html")
        browser.open(found)
        browser.wait_for("document.querySelector('.md-content mark')?.innerText")
        assert browser.errors == []
        hosts = {urlsplit(url).netloc for url in browser.requested if url.startswith("http")}
        assert hosts == {f"{LOOPBACK}:{port}"}
