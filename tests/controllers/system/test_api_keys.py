"""API keys over HTTP: shown once, never wider than their maker, listed, revoked, and rotated by one of two at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from config.settings import Settings
from controllers import CONTROLLERS
from schemas.system.api_key_schema import RESOURCES, ApiKeyFilters
from services.auth.api_keys import is_possible
from tests.credentials import Headers, Issuer, bearer, execute, key_headers, new_key, service
from tests.factories import Factory, Object

FIELDS = [
    *("id_key", "description", "role", "client_id", "scopes", "networks", "expires_at"),
    *("name", "created_at", "last_used_at", "revoked_at", "replaced_by_id"),
]
LATER, LATEST = "2099-01-01T00:00:00Z", "2099-01-02T00:00:00Z"


class Keys:
    """Calls to `/api_keys` with an admin's token or key."""

    def __init__(self, http: TestClient, headers: Headers) -> None:
        self.http, self.headers = http, headers

    def make(self, headers: Headers | None = None, **fields: Any) -> Any:
        return self.http.post("/api_keys", json={"role": "admin", **fields}, headers=headers or self.headers)

    def made(self, **fields: Any) -> Object:
        answer = self.make(**fields)
        assert answer.status_code == 201, answer.text
        key: Object = answer.json()
        return key

    def rotate(self, id_key: int, headers: Headers | None = None, **fields: Any) -> Any:
        return self.http.post(f"/api_keys/{id_key}/rotate", json=fields, headers=headers or self.headers)

    def get(self, path: str = "") -> Any:
        return self.http.get(f"/api_keys{path}", headers=self.headers)

    def delete(self, id_key: int) -> int:
        return self.http.delete(f"/api_keys/{id_key}", headers=self.headers).status_code

    def status(self, key: Object, path: str = "/audit") -> int:
        return self.http.get(path, headers={"X-API-Key": key["key"]}).status_code


@pytest.fixture
def keys(guarded: TestClient, issuer: Issuer) -> Keys:
    return Keys(guarded, bearer(issuer.token()))


def test_key_is_shown_once(keys: Keys, guarded_app: FastAPI) -> None:
    given = {"description": "sync", "scopes": ["read"], "networks": ["10.0.0.0/8", "2001:DB8::"], "expires_at": LATER}
    answer = keys.make(keys.headers | {"Idempotency-Key": "a"}, **given)
    made = answer.json()
    assert list(made) == [*FIELDS, "key"]
    assert is_possible(made["key"])
    assert made | given | {"networks": ["10.0.0.0/8", "2001:db8::/128"]} == made
    assert (answer.headers["Cache-Control"], answer.headers["Location"]) == ("no-store", f"/api_keys/{made['id_key']}")
    stored = {field: made[field] for field in FIELDS}
    repeat = keys.make(keys.headers | {"Idempotency-Key": "a"}, **given)
    assert (repeat.status_code, repeat.json()) == (201, stored)
    assert repeat.headers["Idempotency-Replayed"] == "true"
    assert keys.get(f"/{made['id_key']}").json() == stored
    assert keys.get().json() == [stored]
    everything = execute(
        guarded_app, "SELECT body, '' FROM idempotency_keys UNION ALL SELECT k::text, '' FROM api_keys k"
    )
    assert len(everything) == 2
    assert made["key"] not in str(everything)


def test_key_acts_for_its_client(keys: Keys, make: Factory) -> None:
    client_id = make.customer()["id_key"]
    made = keys.made(role="client", client_id=client_id)
    assert (keys.status(made), keys.status(made, f"/clients/{client_id}")) == (403, 200)
    assert keys.status(made, "/api_keys") == 403


INVALID: dict[str, Object] = {
    "role": {"role": "client"},
    "scopes.0": {"scopes": ["product:read"]},
    "scopes": {"scopes": []},
    "networks.0": {"networks": ["10.0.0.1/8"]},
    "networks.1": {"networks": ["10.0.0.1", "example.com"]},
    "expires_at": {"expires_at": "2026-01-01T00:00:00Z"},
    "description": {"description": "x" * 201},
}


@pytest.mark.parametrize(("field", "body"), INVALID.items(), ids=INVALID)
def test_invalid_restrictions_are_refused(keys: Keys, field: str, body: Object) -> None:
    answer = keys.make(**body)
    assert answer.status_code == 422
    [error] = answer.json()["detail"]
    assert ".".join(map(str, error["loc"])) == f"body.{field}"
    assert keys.get().json() == []


def test_missing_client_is_not_found(keys: Keys) -> None:
    for client_id in (999, 2**63, -1):
        answer = keys.make(role="client", client_id=client_id)
        assert (answer.status_code, answer.json()) == (404, {"message": f"Client with id {client_id} not found"})


def test_deleted_key_is_gone_and_refused(keys: Keys) -> None:
    made, other = keys.made(), keys.made()
    one = made["id_key"]
    assert (keys.delete(one), keys.delete(one), keys.get(f"/{one}").status_code) == (204, 404, 404)
    assert keys.status(made) == 401
    assert keys.rotate(one).json() == {"message": f"ApiKey with id {one} not found"}
    assert [key["id_key"] for key in keys.get().json()] == [other["id_key"]]
    [revoked] = keys.get("?revoked=true&count=true").json()
    assert (revoked["id_key"], bool(revoked["revoked_at"])) == (one, True)


def test_list_filters_and_pages(keys: Keys, make: Factory) -> None:
    client_id = make.customer()["id_key"]
    made = [keys.made(), keys.made(role="client", client_id=client_id), keys.made()]
    ids = [key["id_key"] for key in made]

    def found(query: str) -> list[int]:
        return [key["id_key"] for key in keys.get(f"?{query}").json()]

    assert found("") == ids
    assert found("role=client") == found(f"client_id={client_id}") == [ids[1]]
    assert found(f"name={made[2]['name']}") == [ids[2]]
    assert found("skip=1&limit=1") == [ids[1]]
    assert found(f"after_id={ids[1]}") == [ids[2]]
    assert found("sort=-id_key") == ids[::-1]
    assert keys.get("?count=true&limit=1").headers["X-Total-Count"] == "3"


def test_lack_of_a_scope_is_named(keys: Keys, make: Factory) -> None:
    make.product()
    headers = {"X-API-Key": keys.made(scopes=["orders:read"])["key"]}
    answer = keys.http.delete("/products/1", headers=headers)
    assert (answer.status_code, answer.json()) == (403, {"detail": "The API key lacks the scope products:write"})
    public = [keys.http.get("/products", headers=headers) for _ in range(2)]
    assert [(one.status_code, one.headers["X-Cache-Hit"]) for one in public][1] == (200, "true")


def test_blank_filters_are_refused(keys: Keys) -> None:
    for name in ApiKeyFilters.filter_names():
        answer = keys.get(f"?{name}=%20")
        assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["query", name])


def test_resources_of_scopes_are_those_of_the_routes() -> None:
    assert {controller.prefix[1:] for controller in CONTROLLERS} == set(RESOURCES)


LIMITED: dict[str, tuple[Object, list[Object], list[Object]]] = {
    "scopes": (
        {"scopes": ["api_keys:write", "orders:write", "products:read", "audit:read"]},
        [{"scopes": ["orders:read", "orders:write", "products:read"]}, {"scopes": ["api_keys:write"]}],
        [{}, {"scopes": ["read"]}, {"scopes": ["products:write"]}, {"scopes": ["orders:read", "bills:read"]}],
    ),
    "networks": (
        {"networks": ["10.0.0.0/8", "2001:db8::/32"]},
        [{"networks": ["10.1.0.0/16", "2001:db8:1::/48"]}, {"networks": ["10.0.0.0/8"]}],
        [{}, {"networks": ["10.0.0.0/7"]}, {"networks": ["10.0.0.0/8", "192.0.2.1"]}, {"networks": ["::/0"]}],
    ),
    "expires_at": (
        {"expires_at": LATER},
        [{"expires_at": LATER}, {"expires_at": "2098-01-01T00:00:00Z"}],
        [{}, {"expires_at": LATEST}],
    ),
}


@pytest.mark.parametrize("field", LIMITED)
def test_no_key_makes_a_wider_one(settings: Settings, client: TestClient, app: FastAPI, field: str) -> None:
    own, allowed, refused = LIMITED[field]
    with service(settings, app.state.app_context.database, auth_mode="api_key") as http:
        keys = Keys(http, key_headers(app))
        wide, maker = keys.made(), keys.made(**own)
        headers = {"X-API-Key": maker["key"], "X-Forwarded-For": "10.9.9.9, 127.0.0.1"}
        assert [keys.make(headers, **body).status_code for body in allowed] == [201] * len(allowed)
        detail = {"detail": f"An API key cannot make one that may do more than itself: {field}"}
        for answer in (*(keys.make(headers, **body) for body in refused), keys.rotate(wide["id_key"], headers)):
            assert (answer.status_code, answer.json()) == (403, detail)
        assert keys.rotate(maker["id_key"], headers).status_code == 201


def test_rotation_keeps_the_rights_and_ends_the_old_key(keys: Keys) -> None:
    made = keys.made(scopes=["read"], description="sync", expires_at=LATER)
    answer = keys.rotate(made["id_key"], keys.headers | {"Idempotency-Key": "r"}, overlap_seconds=3600)
    new = answer.json()
    assert answer.status_code == 201
    assert {**new, **{name: made[name] for name in ("id_key", "name", "created_at", "key")}} == made
    assert all(new[name] != made[name] for name in ("id_key", "name", "key"))
    assert (keys.status(made), keys.status(new)) == (200, 200)
    old = keys.get(f"/{made['id_key']}").json()
    assert old["replaced_by_id"] == new["id_key"]
    assert abs(datetime.fromisoformat(old["expires_at"]) - datetime.now(UTC) - timedelta(hours=1)) < timedelta(
        minutes=5
    )
    repeat = keys.rotate(made["id_key"], keys.headers | {"Idempotency-Key": "r"}, overlap_seconds=3600)
    assert (repeat.status_code, "key" in repeat.json(), repeat.json()["id_key"]) == (201, False, new["id_key"])
    again = keys.rotate(made["id_key"])
    detail = f"API key {made['id_key']} is already replaced by {new['id_key']}"
    assert (again.status_code, again.json()) == (409, {"detail": detail})


def test_rotation_never_extends_the_old_key(keys: Keys, guarded_app: FastAPI) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
    made = keys.made(expires_at=soon)
    new = keys.rotate(made["id_key"], expires_at=LATER).json()
    assert (new["expires_at"], keys.get(f"/{made['id_key']}").json()["expires_at"]) == (LATER, made["expires_at"])
    ended = execute(guarded_app, "SELECT id_key FROM api_keys WHERE name = :name", name=new_key(guarded_app).name)[0][0]
    execute(guarded_app, "UPDATE api_keys SET expires_at = now() WHERE id_key = :id", id=ended)
    assert keys.rotate(ended).json() == {"detail": f"API key {ended} has expired"}


@pytest.mark.parametrize("overlap", [-1, 2_592_001, 1.5, "60", True])
def test_impossible_overlap_is_refused(keys: Keys, overlap: Any) -> None:
    made = keys.made()
    assert keys.rotate(made["id_key"], overlap_seconds=overlap).status_code == 422
    assert len(keys.get().json()) == 1


def test_one_of_two_rotations_at_once_succeeds(settings: Settings, committing_client: TestClient, app: FastAPI) -> None:
    headers = key_headers(app)
    with service(settings, auth_mode="api_key") as http, ThreadPoolExecutor(4) as threads:
        keys = Keys(http, headers)
        made = keys.made()
        answers = list(threads.map(lambda _: keys.rotate(made["id_key"], overlap_seconds=60), range(4)))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
        assert len(keys.get().json()) == 3


def test_changes_are_in_the_audit_log(keys: Keys) -> None:
    one = keys.made()["id_key"]
    keys.rotate(one)
    keys.delete(one)
    keys.delete(one)
    entries = keys.http.get("/audit", headers=keys.headers).json()
    assert [(entry["method"], entry["path"], entry["status"]) for entry in entries] == [
        ("POST", "/api_keys", 201),
        ("POST", f"/api_keys/{one}/rotate", 201),
        ("DELETE", f"/api_keys/{one}", 204),
    ]


Call = Callable[[TestClient], Any]
CALLS: tuple[Call, ...] = (
    lambda http: http.get("/api_keys"),
    lambda http: http.get("/api_keys/1"),
    lambda http: http.post("/api_keys", json={"role": "admin"}),
    lambda http: http.post("/api_keys/1/rotate", json={}),
    lambda http: http.delete("/api_keys/1"),
)


def test_without_authentication_nobody_manages_keys(client: TestClient, app: FastAPI) -> None:
    for call in CALLS:
        answer = call(client)
        assert answer.status_code == 403
        assert answer.json() == {"detail": "API keys can be managed over HTTP when AUTH_MODE is not none"}
    assert execute(app, "SELECT FROM api_keys") == []
