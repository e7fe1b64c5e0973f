"""`ROOT_PATH`: a gateway shows the service below a prefix, and removes it from requests or leaves it."""

import re
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from config.root_path import OWN_PATHS
from config.settings import Settings
from infrastructure.postgres.database import Database
from tests.database import empty_tables

PREFIX = "/api/v1"


@pytest.fixture(scope="module")
def served(settings: Settings) -> Iterator[TestClient]:
    from main import create_fastapi_app

    app = create_fastapi_app(settings.model_copy(update={"root_path": PREFIX}))
    with TestClient(app, follow_redirects=False) as client:
        yield client


@pytest.fixture
def client(served: TestClient, committing: Database, empty_cache: None) -> Iterator[TestClient]:
    yield served
    empty_tables(committing)


@pytest.fixture(params=["", PREFIX], ids=["the gateway removes the prefix", "the gateway leaves the prefix"])
def arriving(request: pytest.FixtureRequest) -> str:
    """Return the prefix with which requests arrive."""
    prefix: str = request.param
    return prefix


def test_addresses_in_responses_have_the_prefix(client: TestClient, arriving: str) -> None:
    body, key = {"name": "Toys"}, {"Idempotency-Key": f"k{arriving}"}
    made = client.post(f"{arriving}/categories", json=body, headers=key)
    again = client.post(f"{arriving}/categories", json=body, headers=key)
    where = made.headers["Location"]
    assert re.fullmatch(rf"{PREFIX}/categories/\d+", where)
    assert (again.headers["Location"], again.headers["Idempotency-Replayed"]) == (where, "true")
    for path in (where, where.removeprefix(PREFIX)):
        assert client.get(path).json() == made.json()
    page = client.get(f"{arriving}/categories/?after_id=0&limit=1&sort=id_key")
    links = re.findall(r"<([^>]+)>", page.headers["Link"])
    assert len(links) == 2
    assert all(link.startswith(f"{PREFIX}/categories?") for link in links)


def test_a_replay_through_another_way_is_the_same_request(client: TestClient) -> None:
    key = {"Idempotency-Key": "both ways"}
    answers = [client.post(f"{way}/categories", json={"name": "Toys"}, headers=key) for way in ("", PREFIX)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


def test_cached_reads_are_hits_below_the_prefix(client: TestClient, arriving: str) -> None:
    hits = [client.get(f"{arriving}/products").headers["X-Cache-Hit"] for _ in range(2)]
    assert hits == ["false", "true"]


def test_documentation_works_below_the_prefix(client: TestClient, arriving: str) -> None:
    for root in (f"{arriving}/", arriving or "/"):
        assert client.get(root).headers["Location"] == f"{PREFIX}/docs"
    description = client.get(f"{arriving}/openapi.json").json()
    assert description["servers"] == [{"url": PREFIX}]
    for page in ("/console", "/docs", "/redoc"):
        html = client.get(arriving + page).text
        links = re.findall(r'(?:src|href)="([^"]+)"', html)
        assert links
        for link in links:
            public = urljoin(PREFIX + page, link)
            assert public.startswith(f"{PREFIX}/")
            assert client.get(arriving + public.removeprefix(PREFIX)).status_code == 200
    for script in ("docs.js", "redoc.js"):
        assert '"openapi.json"' in client.get(f"{arriving}/static/{script}").text


def test_only_whole_parts_of_a_path_are_the_prefix(client: TestClient) -> None:
    statuses = {
        "/api/v1/health_check/live": 200,
        "/health_check/live": 200,
        "/api/v10/health_check/live": 404,
        "/api/health_check/live": 404,
        "/api/v1/api/v1/health_check/live": 404,
        "/API/v1/health_check/live": 404,
    }
    assert {path: client.get(path).status_code for path in statuses} == statuses


def test_the_reserved_paths_are_those_of_the_service(app: FastAPI) -> None:
    first_parts = {route.path.split("/")[1] for route in app.routes}  # type: ignore[attr-defined] # all of ours have one
    elsewhere = {"demo", "guide"}  # in development, and where the guide has been built
    assert first_parts - {""} - elsewhere == OWN_PATHS - elsewhere
