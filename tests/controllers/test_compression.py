"""Compressed responses: every coding of every kind of resource, cached or not, with its tags, and never stale."""

import gzip
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from backports import zstd
from fastapi.testclient import TestClient

from config.redis_config import redis_client
from config.settings import Settings
from middleware.compression import MIN_BYTES
from services.caching.entries import HEAD_BYTES
from tests.factories import Factory

DECODE: dict[str | None, Callable[[bytes], bytes]] = {None: bytes, "gzip": gzip.decompress, "zstd": zstd.decompress}
ACCEPTED = {"identity": None, "gzip": "gzip", "gzip, deflate, br, zstd": "zstd", "gzip;q=0.5, zstd;q=0.1": "gzip"}
OF_ONE_RESPONSE = {"x-request-id", "x-cache-hit"}
NAME = "A long name of a product, so that a list of few of them is long enough. "
LISTS = ("/products", "/products?limit=9&sort=-price", "/categories", "/clients", "/clients?count=true&after_id=0")
DOCUMENTS = ("/openapi.json", "/static/swagger-ui/swagger-ui.css", "/static/redoc/redoc.standalone.js?v=1")


class Answer(NamedTuple):
    status: int
    headers: Any
    raw: bytes

    @property
    def coding(self) -> str | None:
        coding: str | None = self.headers.get("Content-Encoding")
        return coding

    @property
    def body(self) -> bytes:
        return DECODE[self.coding](self.raw)


def ask(client: TestClient, path: str, accepted: str, method: str = "GET", **headers: str) -> Answer:
    """Return the response with its body as sent."""
    with client.stream(method, path, headers={"Accept-Encoding": accepted, **headers}) as response:
        return Answer(response.status_code, response.headers, b"".join(response.iter_raw()))


def varies(answer: Answer) -> set[str]:
    return {name.strip() for name in answer.headers["Vary"].split(",")}


@pytest.fixture
def shop(client: TestClient, make: Factory) -> TestClient:
    category = make.category()["id_key"]
    for number in range(12):
        make.product(name=NAME + str(number), category_id=category)
        make.category(name=NAME + str(number))
        make.customer(name=NAME + str(number))
    return client


@pytest.mark.parametrize("path", [*LISTS, *DOCUMENTS])
def test_long_reads_are_compressed(shop: TestClient, path: str) -> None:
    plain = ask(shop, path, "identity")
    tags, hits = {}, []
    for _ in range(2):  # a cached list: from the database or the plain entry, then the stored form
        for accepted, coding in ACCEPTED.items():
            answer = ask(shop, path, accepted)
            assert (answer.status, answer.coding, answer.body) == (200, coding, plain.body), accepted
            assert answer.headers["Content-Length"] == str(len(answer.raw))
            assert "Accept-Encoding" in varies(answer)
            assert coding is None or len(answer.raw) < len(plain.raw) / 2
            tags[coding] = answer.headers["ETag"]
            hits.append(answer.headers.get("X-Cache-Hit"))
            head = ask(shop, path, accepted, "HEAD")
            assert (head.status, head.raw) == (200, b"")
            assert {name: head.headers[name] for name in head.headers if name not in OF_ONE_RESPONSE} == {
                name: answer.headers[name] for name in answer.headers if name not in OF_ONE_RESPONSE
            }
    assert len(set(tags.values())) == len(tags) == 3
    assert set(hits) <= ({"true"} if path in LISTS[:3] else {None})
    for accepted, coding in ACCEPTED.items():
        for tag in (*tags.values(), f"W/{tags[None]}", "*"):
            same = ask(shop, path, accepted, **{"If-None-Match": tag})
            assert (same.status, same.raw) == (304, b"")
            assert same.headers["ETag"] == tags[coding]
            assert "Accept-Encoding" in varies(same)
            assert same.headers.get("Cache-Control") == plain.headers.get("Cache-Control")


def test_short_reads_errors_and_writes_are_plain(shop: TestClient, make: Factory) -> None:
    one = f"/products/{make.product()['id_key']}"
    for path in (
        one,
        "/docs",
        "/orders",
        "/products?limit=1",
        "/nothing",
        "/products/0",
        "/products?limit=0",
        "/health_check",
    ):
        for _ in range(2):
            answer = ask(shop, path, "gzip, zstd")
            assert answer.coding is None, path
            assert len(answer.raw) < MIN_BYTES
    changed = shop.patch(one, json={"name": "x" * 200}, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in changed.headers
    assert "-gzip" not in changed.headers["ETag"]


def test_a_client_that_refuses_identity_gets_short_reads_compressed(shop: TestClient, make: Factory) -> None:
    one = f"/products/{make.product()['id_key']}"
    for path in (one, "/orders", "/products?limit=1", "/products", "/products", "/docs"):
        plain = ask(shop, path, "identity")
        for accepted, coding in {"identity;q=0, gzip": "gzip", "*;q=0, zstd": "zstd", "identity;q=0": None}.items():
            answer = ask(shop, path, accepted)
            assert (answer.status, answer.coding, answer.body) == (200, coding, plain.body)
    assert ask(shop, "/products", "gzip").coding == "gzip"


def test_if_match_accepts_the_tag_of_every_coding(client: TestClient, make: Factory) -> None:
    one = f"/products/{make.product()['id_key']}"
    for number, accepted in enumerate(("identity", "identity;q=0, gzip", "identity;q=0, zstd")):
        tag = ask(client, one, accepted).headers["ETag"]
        assert client.patch(one, json={"stock": number + 70}, headers={"If-Match": tag}).status_code == 200
        refused = client.patch(one, json={"stock": 1}, headers={"If-Match": tag, "Accept-Encoding": "gzip"})
        assert (refused.status_code, "Content-Encoding" in refused.headers) == (412, False)


def stored_key(shop: TestClient, key: str) -> str:
    """Return the key with the prefix of the shop."""
    return f"{shop.app.state.app_context.redis.prefix}{key}"  # type: ignore[attr-defined] # FastAPI's


def test_a_hit_sends_the_stored_form(shop: TestClient, settings: Settings) -> None:
    """Change what is stored, and find it in the response: nothing else has made that body."""
    where = settings.redis_address()
    assert where
    for coding in ("gzip", "zstd"):
        path, key = "/products?limit=12", stored_key(shop, f"products:list:skip:0:limit:12:{coding}")
        filled = ask(shop, path, coding)  # makes the stamps after a write
        filled = ask(shop, path, coding)
        with redis_client(where) as redis:
            value: Any = redis.get(key)
            assert value[HEAD_BYTES:] == b"c" + filled.raw
            assert 0 < redis.ttl(key) <= settings.redis_cache_ttl
            redis.set(key, value[: HEAD_BYTES + 1] + b"stored")
        hit = ask(shop, path, coding)
        assert (hit.raw, hit.headers["X-Cache-Hit"]) == (b"stored", "true")
    with redis_client(where) as redis:
        assert ask(shop, "/products?limit=1", "gzip").coding is None
        short: Any = redis.get(stored_key(shop, "products:list:skip:0:limit:1:gzip"))
        assert short[HEAD_BYTES:].startswith(b"=[{")
        assert not redis.keys("*products:id:*:gzip")


def test_revalidation_fills_the_cache(shop: TestClient, settings: Settings) -> None:
    tag = ask(shop, "/products", "identity").headers["ETag"]  # makes the stamps, too
    assert ask(shop, "/products", "gzip", **{"If-None-Match": tag}).status == 304
    where = settings.redis_address()
    assert where
    with redis_client(where) as redis:
        assert redis.exists(stored_key(shop, "products:list:skip:0:limit:100:gzip"))


def test_no_form_is_stale_after_a_write(shop: TestClient) -> None:
    product = shop.get("/products").json()[0]["id_key"]
    for number in range(5):
        for accepted in ACCEPTED:
            ask(shop, "/products", accepted)
        shop.patch(f"/products/{product}", json={"stock": 500 + number})
        bodies = {ask(shop, "/products", accepted).body for accepted in reversed(ACCEPTED)}
        assert len(bodies) == 1
        assert b'"stock":%d' % (500 + number) in bodies.pop()


HOSTILE = ["gzip," * 2000, "," * 10_000, "gzip\0", "gzip;q=" + "9" * 5000, "\uff47zip", "identity;q=0", "\x7f"]


@pytest.mark.parametrize("header", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_headers_get_a_plain_body(shop: TestClient, header: str) -> None:
    with shop.stream("GET", "/products", headers=[(b"Accept-Encoding", header.encode())]) as answer:
        raw = b"".join(answer.iter_raw())
    assert (answer.status_code, "Content-Encoding" in answer.headers) == (200, False)
    assert raw.startswith(b"[{")


def test_several_header_lines_are_one_list(shop: TestClient) -> None:
    lines = [(b"Accept-Encoding", b"zstd;q=0.2"), (b"Accept-Encoding", b"gzip;q=0.3")]
    with shop.stream("GET", "/clients", headers=lines) as answer:
        answer.read()
    assert answer.headers["Content-Encoding"] == "gzip"


def test_ranges_of_files_are_plain(shop: TestClient) -> None:
    answer = ask(shop, "/static/swagger-ui/swagger-ui.css", "gzip", Range="bytes=0-9")
    assert (answer.status, answer.coding, len(answer.raw)) == (206, None, 10)


@pytest.fixture(scope="module")
def uncompressed(settings: Settings) -> Iterator[TestClient]:
    from main import create_fastapi_app

    with TestClient(create_fastapi_app(settings.model_copy(update={"compression": False}))) as client:
        yield client


def test_compression_can_be_off(uncompressed: TestClient) -> None:
    for path in ("/openapi.json", "/docs", "/static/swagger-ui/swagger-ui.css"):
        answer = ask(uncompressed, path, "gzip")
        assert (answer.status, answer.coding, answer.headers.get("Vary")) == (200, None, None)
