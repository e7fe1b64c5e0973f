"""The service below a path prefix, behind a real nginx with the configuration of docs/OPERATIONS.md."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urljoin

import httpx2
import pytest

from config.settings import Settings
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.postgres.database import Database
from tests.database import empty_tables
from tests.nginx import find_nginx, running_nginx
from tests.servers import ROOT, served_in_thread

PREFIX = "/api/v1"
NAME = "A long name of a product, so that a list of few of them is long enough. "
# nginx's own compression: it must leave compressed responses as they are.
COMPRESSING = "gzip on; gzip_proxied any; gzip_types application/json; gzip_min_length 0;"


def documented_locations() -> str:
    text = (ROOT / "docs" / "OPERATIONS.md").read_text()
    [block] = re.findall(r"```nginx\n(.*?)```", text, re.DOTALL)
    return str(block)


@pytest.fixture(scope="module", params=["prefix removed", "prefix left"])
def gateway(request: pytest.FixtureRequest, settings: Settings) -> Iterator[httpx2.Client]:
    from main import create_fastapi_app

    nginx = find_nginx()
    if not nginx:
        pytest.skip("GATEWAY NOT TESTED: nginx is missing and cannot be fetched")
    served = {"api_host": LOOPBACK, "api_port": free_port(), "root_path": PREFIX}
    locations = documented_locations().replace("127.0.0.1:8000", f"{LOOPBACK}:{served['api_port']}")
    if request.param == "prefix left":
        locations = re.sub(r"(proxy_pass http://[^/]+)/;", r"\1;", locations)
    with ExitStack() as stack:
        stack.enter_context(served_in_thread(create_fastapi_app(settings.model_copy(update=served))))
        url = stack.enter_context(running_nginx(nginx, COMPRESSING + locations))
        yield stack.enter_context(httpx2.Client(base_url=url, timeout=20))


@pytest.fixture
def client(gateway: httpx2.Client, committing: Database, empty_cache: None) -> Iterator[httpx2.Client]:
    yield gateway
    empty_tables(committing)


def test_every_address_of_the_service_works_through_the_gateway(client: httpx2.Client) -> None:
    made = client.post(f"{PREFIX}/categories", json={"name": "Toys"})
    assert client.get(made.headers["Location"]).json() == made.json()
    page = client.get(f"{PREFIX}/categories?after_id=0&limit=1")
    [first, following] = re.findall(r"<([^>]+)>", page.headers["Link"])
    assert (client.get(first).json(), client.get(following).json()) == (page.json(), [])
    start = client.get(f"{PREFIX}/", follow_redirects=True)
    assert (start.status_code, start.url.path) == (200, f"{PREFIX}/docs")
    for path in (f"{PREFIX}/console", f"{PREFIX}/docs", f"{PREFIX}/redoc"):
        html = client.get(path).text
        for link in re.findall(r'(?:src|href)="([^"]+)"', html):
            assert client.get(urljoin(path, link)).status_code == 200, link
    description = client.get(f"{PREFIX}/openapi.json").json()
    assert client.get(description["servers"][0]["url"] + "/products").json() == []


def test_internal_paths_stay_internal(client: httpx2.Client) -> None:
    for path in ("/metrics", "/audit", "/metrics/", "/audit?limit=1", "/%6detrics", "//metrics"):
        assert client.get(PREFIX + path).status_code == 404, path
    assert client.get("/products").status_code == 404


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_the_gateway_passes_compressed_responses_on(client: httpx2.Client, coding: str) -> None:
    category = client.post(f"{PREFIX}/categories", json={"name": "Toys"}).json()["id_key"]
    for number in range(12):
        new = {"name": f"{NAME}{number}", "price": 1, "category_id": category}
        assert client.post(f"{PREFIX}/products", json=new).status_code == 201
    plain = client.get(f"{PREFIX}/products", headers={"Accept-Encoding": "identity"})
    for hit in ("true", "true"):
        answer = client.get(f"{PREFIX}/products", headers={"Accept-Encoding": coding})
        assert (answer.headers["Content-Encoding"], answer.headers["X-Cache-Hit"]) == (coding, hit)
        assert (answer.json(), len(answer.json())) == (plain.json(), 12)
        assert answer.headers["ETag"] == f'{plain.headers["ETag"][:-1]}-{coding}"'
        assert "Accept-Encoding" in answer.headers["Vary"]
        assert answer.num_bytes_downloaded == int(answer.headers["Content-Length"]) < len(plain.content) / 2
    same = client.get(
        f"{PREFIX}/products", headers={"Accept-Encoding": coding, "If-None-Match": answer.headers["ETag"]}
    )
    assert same.status_code == 304
