"""Credentials: accepted keys and tokens, equal refusals of all others, and outages."""

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from config.settings import Settings
from infrastructure.embedded.ports import free_port
from infrastructure.postgres.database import Database
from services.auth.api_keys import NewKey
from services.auth.authenticator import KEY_TRUST_SECONDS
from services.auth.jwt_verifier import JwtVerifier, Verified
from tests.controllers.test_authorization import operations, visible_parts
from tests.credentials import (
    AUDIENCE,
    SECRET,
    UNKNOWN,
    Clock,
    Headers,
    Issuer,
    bearer,
    claims,
    execute,
    key_headers,
    new_key,
    service,
)
from tests.factories import Factory

RawHeaders = Headers | list[tuple[bytes, bytes]]


def is_accepted(http: TestClient, headers: Headers) -> bool:
    """Return True if the headers authenticate an admin."""
    return http.get("/audit", headers=headers).status_code == 200


def revoked(app: FastAPI) -> Headers:
    made = new_key(app)
    execute(app, "UPDATE api_keys SET revoked_at = now() WHERE name = :name", name=made.name)
    return {"X-API-Key": made.key}


def mistyped(key: str) -> str:
    return f"{key[:10]}{'x' if key[10] != 'x' else 'y'}{key[11:]}"


def of_token(**changed: Any) -> Callable[[FastAPI, Issuer], RawHeaders]:
    return lambda _, issuer: bearer(issuer.token(**changed))


def unsigned(_: FastAPI, __: Issuer) -> RawHeaders:
    return bearer(jwt.encode(claims(), "", "none"))


def of_other_secret(_: FastAPI, __: Issuer) -> RawHeaders:
    return bearer(jwt.encode(claims(), SECRET[::-1], "HS256"))


def of_unknown_key(_: FastAPI, issuer: Issuer) -> RawHeaders:
    return bearer(jwt.encode(claims(), issuer.private["RS256-1"], "RS256", {"kid": "RS256-0"}))


def of_other_key(_: FastAPI, issuer: Issuer) -> RawHeaders:
    return bearer(jwt.encode(claims(), issuer.private["RS256-1"], "RS256", {"kid": "ES256-1"}))


def of_unnamed_key(_: FastAPI, issuer: Issuer) -> RawHeaders:
    return bearer(jwt.encode(claims(), issuer.private["RS256-1"], "RS256"))


def of_other_algorithm(_: FastAPI, issuer: Issuer) -> RawHeaders:
    return bearer(jwt.encode(claims(), issuer.private["RS256-1"], "RS512", {"kid": "RS256-1"}))


def altered(_: FastAPI, issuer: Issuer) -> RawHeaders:
    one, other = (issuer.token(sub=name).split(".") for name in ("ada", "eve"))
    return bearer(".".join((one[0], other[1], one[2])))


def deep(_: FastAPI, __: Issuer) -> RawHeaders:
    brackets = jwt.utils.base64url_encode(b"[" * 20_000).decode()
    return bearer(f"{brackets}.e30.e30")


BAD: dict[str, Callable[[FastAPI, Issuer], RawHeaders]] = {
    "unknown key": lambda _, __: UNKNOWN,
    "unknown key with a checksum": lambda _, __: {"X-API-Key": NewKey.make().key},
    "mistyped key": lambda app, _: {"X-API-Key": mistyped(new_key(app).key)},
    "expired key": lambda app, _: key_headers(app, expires_at=datetime(2026, 1, 1, tzinfo=UTC)),
    "key of bytes with a checksum": lambda app, _: [(b"x-api-key", new_key(app).key.encode() + b"\xff")],
    "revoked key": lambda app, _: revoked(app),
    "no key": lambda _, __: {"X-API-Key": ""},
    "malformed key": lambda _, __: {"X-API-Key": "eck_x' OR true --"},
    "key of bytes": lambda _, __: [(b"x-api-key", b"eck_\xff\x00\x80".replace(b"\x00", b""))],
    "long key": lambda _, __: {"X-API-Key": "eck_" + "x" * 8000},
    "repeated key": lambda app, _: [(b"x-api-key", key_headers(app)["X-API-Key"].encode())] * 2,
    "key and token": lambda app, issuer: key_headers(app) | bearer(issuer.token()),
    "key and another scheme": lambda app, _: key_headers(app) | {"Authorization": "Basic YTpi"},
    "no token": lambda _, __: {"Authorization": "Bearer"},
    "nothing": lambda _, __: {"Authorization": ""},
    "another scheme": lambda _, issuer: {"Authorization": f"Basic {issuer.token()}"},
    "malformed token": lambda _, __: bearer("a.b.c"),
    "token of bytes": lambda _, __: [(b"authorization", b"Bearer \xff.\xfe.\xfd")],
    "deep token": deep,
    "repeated token": lambda _, issuer: [(b"authorization", bearer(issuer.token())["Authorization"].encode())] * 2,
    "unsigned": unsigned,
    "signed with a public key": lambda _, issuer: bearer(issuer.confused_token()),
    "signed with another secret": of_other_secret,
    "signed with an unknown key": of_unknown_key,
    "signed with another key": of_other_key,
    "signed with a key not named": of_unnamed_key,
    "signed by another algorithm": of_other_algorithm,
    "altered": altered,
    "expired": of_token(exp=timedelta(minutes=-1)),
    "not yet valid": of_token(nbf=timedelta(minutes=10)),
    "expires never": of_token(exp=None),
    "expires at the end of time": of_token(exp=float("inf")),
    "wrong audience": of_token(aud="warehouse"),
    "no audience": of_token(aud=None),
    "wrong issuer": of_token(iss="https://id.example.org/"),
    "no issuer": of_token(iss=None),
    "no subject": of_token(sub=None),
    "empty subject": of_token(sub=""),
    "subject of two lines": of_token(sub="ada\neve"),
    "long subject": of_token(sub="x" * 201),
    "no role": of_token(role=None),
    "unknown role": of_token(role="root"),
    "anonymous role": of_token(role="anonymous"),
    "several roles": of_token(role=["admin"]),
    "client without a client": of_token(role="client"),
    "client of no integer": of_token(role="client", client_id="1"),
    "client that is true": of_token(role="client", client_id=True),
    "client beyond the column": of_token(role="client", client_id=2**63),
    "admin with a client": of_token(client_id=1),
}


SIGNED = "/payments/webhooks/stripe"
"""It takes no credentials, only a signature."""


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_bad_credentials_get_the_same_response_everywhere(
    guarded: TestClient, guarded_app: FastAPI, issuer: Issuer, bad: Callable[[FastAPI, Issuer], RawHeaders]
) -> None:
    unknown = visible_parts(guarded.get("/orders", headers=UNKNOWN))
    assert unknown[:2] == (401, b'{"detail":"Invalid credentials"}')
    assert ("www-authenticate", "ApiKey, Bearer") in unknown[2]
    lines = bad(guarded_app, issuer)
    for method, path in operations(guarded_app):
        if path == SIGNED:
            continue
        answer = guarded.request(method, path.replace("{id_key}", "1"), headers=lines, content=b"[[[")
        assert visible_parts(answer) == unknown, f"{method} {path}"


@pytest.mark.parametrize("is_warm", [False, True])
def test_empty_header_beside_a_valid_one_is_refused(
    guarded: TestClient, guarded_app: FastAPI, issuer: Issuer, is_warm: bool
) -> None:
    token, key = bearer(issuer.token(sub=f"warm {is_warm}")), key_headers(guarded_app)
    if is_warm:
        assert is_accepted(guarded, token)
        assert is_accepted(guarded, key)
    assert not is_accepted(guarded, token | {"X-API-Key": ""})
    assert not is_accepted(guarded, key | {"Authorization": ""})


def test_missing_credentials_are_401_with_a_challenge(guarded: TestClient) -> None:
    answer = guarded.post("/orders", content=b"[[[")
    assert (answer.status_code, answer.json()) == (401, {"detail": "Authentication required"})
    assert answer.headers["WWW-Authenticate"] == "ApiKey, Bearer"


UNUSUAL: dict[str, Callable[[int], Any]] = {
    "just expired": lambda now: {"exp": now - 5},
    "expiry as text": lambda now: {"exp": str(now + 600)},
    "expiry with a fraction": lambda now: {"exp": now + 600.5},
    "expires in aeons": lambda _: {"exp": 10**400},
    "several audiences": lambda _: {"aud": ["warehouse", AUDIENCE]},
    "subject beyond ASCII": lambda _: {"sub": "José Ñandú"},
}


@pytest.mark.parametrize("unusual", UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_valid_tokens_are_accepted(guarded: TestClient, issuer: Issuer, unusual: Callable[[int], Any]) -> None:
    for _ in range(2):
        assert is_accepted(guarded, bearer(issuer.token(**unusual(int(time.time())))))


def test_scheme_ignores_case(guarded: TestClient, issuer: Issuer) -> None:
    assert is_accepted(guarded, {"Authorization": f"bEARER  {issuer.token()}"})


@pytest.mark.parametrize(
    ("mode", "takes_key", "takes_token", "challenge"),
    [("api_key", True, False, "ApiKey"), ("jwt", False, True, "Bearer"), ("none", True, True, "")],
)
def test_mode_reads_only_its_own_header(
    client: TestClient,
    app: FastAPI,
    settings: Settings,
    issuer: Issuer,
    mode: str,
    takes_key: bool,
    takes_token: bool,
    challenge: str,
) -> None:
    key, token = key_headers(app), bearer(issuer.token())
    with service(settings, app.state.app_context.database, auth_mode=mode, **issuer.settings()) as http:
        assert (is_accepted(http, key), is_accepted(http, token)) == (takes_key, takes_token)
        assert is_accepted(http, key | token)
        assert is_accepted(http, UNKNOWN) is (mode == "none")
        assert http.get("/products", headers=token | {"Authorization": "Basic YTpi"}).status_code == (
            401 if mode == "jwt" else 200
        )
        if challenge:
            assert http.get("/audit").headers["WWW-Authenticate"] == challenge


@pytest.fixture
def database(client: TestClient, app: FastAPI) -> Database:
    """Return the database of the test's transaction."""
    found: Database = app.state.app_context.database
    return found


def test_revoked_key_is_refused_after_the_trust_time(
    settings: Settings, app: FastAPI, database: Database, clock: Clock
) -> None:
    made = new_key(app)
    headers = {"X-API-Key": made.key}
    with service(settings, database, auth_mode="api_key") as http:
        assert is_accepted(http, headers)
        execute(app, "UPDATE api_keys SET revoked_at = now() WHERE name = :name", name=made.name)
        clock.ahead = KEY_TRUST_SECONDS + 0.01
        answer = http.get("/orders", headers=headers)
        assert visible_parts(answer) == visible_parts(http.get("/orders", headers=UNKNOWN))
        assert answer.status_code == 401


def test_known_key_is_not_looked_up_within_the_trust_time(
    settings: Settings, app: FastAPI, database: Database, clock: Clock
) -> None:
    made, used = new_key(app), "SELECT last_used_at FROM api_keys WHERE name = :name"
    with service(settings, database, auth_mode="api_key") as http:
        assert execute(app, used, name=made.name) == [(None,)]
        is_accepted(http, {"X-API-Key": made.key})
        [(first,)] = execute(app, used, name=made.name)
        assert first
        execute(app, "UPDATE api_keys SET last_used_at = '2026-01-01' WHERE name = :name", name=made.name)
        [(then,)] = execute(app, used, name=made.name)
        is_accepted(http, {"X-API-Key": made.key})
        assert execute(app, used, name=made.name) == [(then,)]
        clock.ahead = KEY_TRUST_SECONDS + 0.01
        is_accepted(http, {"X-API-Key": made.key})
        assert execute(app, used, name=made.name) == [(first,)], "now() is the start of the test's transaction"


def test_key_expires_within_the_trust_time(
    settings: Settings, app: FastAPI, database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = time.time() + 3600
    now = [end - 1]
    monkeypatch.setattr(clock, "time", lambda: now[0])
    headers = key_headers(app, expires_at=datetime.fromtimestamp(end, UTC))
    with service(settings, database, auth_mode="api_key") as http:
        assert is_accepted(http, headers)
        execute(app, "UPDATE api_keys SET expires_at = now()")
        now[0] = end - 0.01
        assert is_accepted(http, headers)
        now[0] = end + 0.01
        assert not is_accepted(http, headers)


def test_key_is_valid_within_its_networks(settings: Settings, app: FastAPI, database: Database) -> None:
    """Use a key through a proxy, which reports the client's address."""
    headers = key_headers(app, networks=["203.0.113.0/24", "2001:db8:1:2:3::/80", "198.51.100.7/32"])
    inside = ("203.0.113.9", "203.0.113.255", "2001:db8:1:2:3::9", "198.51.100.7", "::ffff:203.0.113.1")
    outside = ("203.0.114.1", "2001:db8:1:2:4::9", "198.51.100.8", "127.0.0.1")
    detail = {"detail": "The API key may not be used from this address"}
    with service(settings, database, auth_mode="api_key") as http:
        for path in ("/audit", "/products", "/products"):  # the second is a hit
            for address in inside:
                assert http.get(path, headers=headers | {"X-Forwarded-For": address}).status_code == 200, address
            for address in outside:
                answer = http.get(path, headers=headers | {"X-Forwarded-For": address})
                assert (answer.status_code, answer.json()) == (401, detail), address
    with service(settings, database, "198.51.100.8", auth_mode="api_key") as http:
        answer = http.get("/audit", headers=headers | {"X-Forwarded-For": "203.0.113.9"})
        assert answer.status_code == 401, "what an untrusted peer claims counts for nothing"


@pytest.mark.parametrize("key", ["mistyped", "x", "eck_", "eck_" + "x" * 49])
def test_impossible_key_is_refused_without_a_query(settings: Settings, key: str) -> None:
    key = mistyped(NewKey.make().key) if key == "mistyped" else key
    with service(settings, auth_mode="api_key", postgres_port=free_port(), redis_prefix="shop") as http:
        assert http.get("/orders", headers={"X-API-Key": key}).status_code == 401
        assert http.get("/orders", headers={"X-API-Key": NewKey.make().key}).status_code == 503


def test_key_without_a_checksum_stays_valid(settings: Settings, app: FastAPI, database: Database) -> None:
    key = "eck_yW65y-ffAhrMAW01nC_TKVz39GlhkE_ROVMmHHadxf0"
    execute(
        app,
        "INSERT INTO api_keys (name, digest, role) VALUES ('old', :digest, 'admin')",
        digest=hashlib.sha256(key.encode()).digest(),
    )
    with service(settings, database, auth_mode="api_key") as http:
        assert is_accepted(http, {"X-API-Key": key})


def test_keys_of_a_deleted_client_are_refused(
    settings: Settings, app: FastAPI, database: Database, clock: Clock, make: Factory
) -> None:
    client_id = make.customer()["id_key"]
    headers = key_headers(app, client_id)
    with service(settings, database, auth_mode="api_key") as http:
        assert http.get(f"/clients/{client_id}", headers=headers).status_code == 200
        assert make.client.delete(f"/clients/{client_id}").status_code == 204
        assert execute(app, "SELECT FROM api_keys WHERE client_id = :id", id=client_id) == []
        clock.ahead = KEY_TRUST_SECONDS + 0.01
        assert http.get("/orders", headers=headers).status_code == 401


def test_token_is_remembered_until_it_expires(
    settings: Settings, issuer: Issuer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    verify = JwtVerifier.verify

    async def counted(verifier: JwtVerifier, token: str) -> Verified:
        verified.append(token)
        return await verify(verifier, token)

    monkeypatch.setattr(JwtVerifier, "verify", counted)
    token = issuer.token(exp=timedelta(minutes=1))
    with service(settings, auth_mode="jwt", **issuer.settings()) as http:
        assert all(is_accepted(http, bearer(token)) for _ in range(3))
        assert verified == [token]
        clock.ahead = 61
        is_accepted(http, bearer(token))
        assert verified == [token] * 2


def test_keys_without_the_database_are_503(settings: Settings, issuer: Issuer) -> None:
    unreachable = {"auth_mode": "both", "postgres_port": free_port(), "redis_prefix": "shop", **issuer.settings()}
    with service(settings, **unreachable) as http:
        for path in ("/orders", "/products", "/audit"):
            answer = http.get(path, headers=UNKNOWN)
            assert (answer.status_code, answer.json()) == (503, {"detail": "Service temporarily unavailable"})
            assert answer.headers["Retry-After"]
            assert "WWW-Authenticate" not in answer.headers
        assert http.get("/orders", headers={"X-API-Key": "x"}).status_code == 401
        assert http.get("/orders").status_code == 401
        assert http.post("/orders/checkout", headers=bearer(issuer.token("HS256")), json={}).status_code == 422
