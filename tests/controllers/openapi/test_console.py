"""The console's page and files. `tests/scenarios/console` uses it in a browser."""

import gzip
import re
from urllib.parse import urljoin

import pytest
from fastapi.testclient import TestClient

from controllers.openapi.assets import IMMUTABLE
from scripts.documents.console_manifest import MANIFEST, manifest

MAX_LOADED_BYTES = 1_000_000


def test_committed_build_matches_the_sources() -> None:
    assert MANIFEST.read_text() == manifest(), "run `make console`"


def test_page_and_scripts_load_from_the_service(running_app: TestClient) -> None:
    page = running_app.get("/console")
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-cache"
    loaded = 0
    for link in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        file = running_app.get(urljoin("/console", link))
        assert file.status_code == 200
        assert link.endswith(".svg") or file.headers["Cache-Control"] == IMMUTABLE
        loaded += len(gzip.compress(file.content))
    assert 100_000 < loaded < MAX_LOADED_BYTES


@pytest.mark.parametrize(("guards", "mode"), [(False, "none"), (True, "both")])
def test_page_tells_how_to_sign_in(
    running_app: TestClient, running_guarded_app: TestClient, guards: bool, mode: str
) -> None:
    html = (running_guarded_app if guards else running_app).get("/console").text
    assert f'data-auth-mode="{mode}" data-currency="EUR"' in html


def test_trailing_slash_leads_to_the_page(running_app: TestClient) -> None:
    redirect = running_app.get("/console/", follow_redirects=False)
    assert (redirect.status_code, redirect.headers["Location"]) == (307, "../console")
    assert running_app.get("/console/").url.path == "/console"
