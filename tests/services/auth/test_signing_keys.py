"""Signing keys of tokens: fetched from the issuer, rotated, and unavailable."""

import base64
import hmac
import itertools
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BufferedIOBase
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr

from config.settings import Settings
from services.auth import signing_keys
from services.auth.authenticator import TOKEN_TRUST_SECONDS
from services.auth.signing_keys import KEYS_LIFESPAN_SECONDS, MAX_RETRY_SECONDS, PAUSE_SECONDS, RETRY_SECONDS
from tests.credentials import SECRET, Clock, Issuer, bearer, claims, jwk, key_headers, service
from tests.servers import until
from tests.services.auth.test_authenticator import is_accepted


@pytest.fixture
def own_issuer() -> Issuer:
    """Return an issuer that is not started yet and that a test may stop."""
    return Issuer()


def test_tokens_without_the_issuer_are_503(
    settings: Settings, client: TestClient, app: FastAPI, own_issuer: Issuer, clock: Clock
) -> None:
    token = bearer(own_issuer.token())
    with service(settings, app.state.app_context.database, auth_mode="both", **own_issuer.settings()) as http:
        answer = http.get("/audit", headers=token)
        assert (answer.status_code, answer.json()) == (503, {"detail": "Service temporarily unavailable"})
        assert answer.headers["Retry-After"]
        assert is_accepted(http, key_headers(app)), "keys need no issuer"
        assert is_accepted(http, bearer(own_issuer.token("HS256"))), "a shared secret needs no issuer"
        assert http.get("/audit", headers=bearer("a.b.c")).status_code == 401
        own_issuer.start()
        clock.ahead = RETRY_SECONDS + 1
        try:
            assert is_accepted(http, token)
        finally:
            own_issuer.stop()


NO_KEYS = {
    "an error": (500, b"{}"),
    "another address": (302, b""),
    "no JSON": (200, b"<html>"),
    "no object": (200, b"[]"),
    "no keys": (200, b'{"keys": []}'),
    "no keys of signatures": (200, b'{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "RS256-1", "use": "enc"}]}'),
    "no usable keys": (200, b'{"keys": [{"kty": "RSA", "kid": "RS256-1"}]}'),
}


@pytest.mark.parametrize(("status", "document"), NO_KEYS.values(), ids=NO_KEYS)
def test_issuer_without_usable_keys_is_503(
    settings: Settings, own_issuer: Issuer, clock: Clock, status: int, document: bytes
) -> None:
    right, own_issuer.status, own_issuer.document = own_issuer.document, status, document
    own_issuer.start()
    try:
        with service(settings, auth_mode="jwt", **own_issuer.settings()) as http:
            assert http.get("/audit", headers=bearer(own_issuer.token())).status_code == 503
            assert own_issuer.request_count == 1, "no redirect is followed"
            own_issuer.status, own_issuer.document = 200, right
            clock.ahead = MAX_RETRY_SECONDS
            assert is_accepted(http, bearer(own_issuer.token()))
    finally:
        own_issuer.stop()


def test_rotated_keys_are_fetched(settings: Settings, own_issuer: Issuer, clock: Clock) -> None:
    own_issuer.start()
    try:
        with service(settings, auth_mode="jwt", **own_issuer.settings()) as http:
            remembered, later = (bearer(own_issuer.token(sub=name)) for name in ("ada", "eve"))
            assert is_accepted(http, remembered)
            own_issuer.renew(generation=2)
            clock.ahead = PAUSE_SECONDS + 1
            assert is_accepted(http, bearer(own_issuer.token(generation=2)))
            assert is_accepted(http, bearer(own_issuer.token("ES256", generation=2)))
            assert not is_accepted(http, later), "signed with a key that is withdrawn"
            clock.ahead += TOKEN_TRUST_SECONDS
            assert not is_accepted(http, remembered)
    finally:
        own_issuer.stop()


def test_known_keys_outlast_an_issuer_outage(settings: Settings, own_issuer: Issuer, clock: Clock) -> None:
    stale: dict[str, Any] = {"jwt_jwks_max_stale": 2 * KEYS_LIFESPAN_SECONDS}
    own_issuer.start()
    with service(settings, auth_mode="jwt", **own_issuer.settings(), **stale) as http:
        try:
            assert is_accepted(http, bearer(own_issuer.token()))
        finally:
            own_issuer.stop()
        clock.ahead = KEYS_LIFESPAN_SECONDS + 1
        assert is_accepted(http, bearer(own_issuer.token(sub="eve"))), "the keys are known"
        clock.ahead = 2 * KEYS_LIFESPAN_SECONDS + 1
        assert http.get("/audit", headers=bearer(own_issuer.token(sub="bob"))).status_code == 503


def test_old_keys_are_fetched_again_beside_requests(settings: Settings, own_issuer: Issuer, clock: Clock) -> None:
    own_issuer.start()
    try:
        with service(settings, auth_mode="jwt", **own_issuer.settings()) as http:
            assert is_accepted(http, bearer(own_issuer.token()))
            before = dict(own_issuer.private)
            own_issuer.renew(generation=2)
            own_issuer.private |= before
            withdrawn = (bearer(own_issuer.token(sub=f"eve{number}")) for number in itertools.count())
            clock.ahead = KEYS_LIFESPAN_SECONDS + 1
            until(lambda: not is_accepted(http, next(withdrawn)))
            assert own_issuer.request_count == 2
    finally:
        own_issuer.stop()


def hang(issuer: Issuer, _: BufferedIOBase) -> None:
    issuer.is_stopping.wait()


def drip(issuer: Issuer, body: BufferedIOBase) -> None:
    for number in range(len(issuer.document)):
        body.write(issuer.document[number : number + 1])
        if issuer.is_stopping.wait(0.05):
            return


def flood(_: Issuer, body: BufferedIOBase) -> None:
    body.write(b'{"keys": [' + b" " * 50_000_000)


def nest(_: Issuer, body: BufferedIOBase) -> None:
    body.write(b'{"keys": ' + b"[" * 100_000)


def crowd(issuer: Issuer, body: BufferedIOBase) -> None:
    body.write(json.dumps({"keys": json.loads(issuer.document)["keys"] * 60}).encode())


@pytest.mark.parametrize("misbehave", [hang, drip, flood, nest, crowd])
def test_hostile_provider_affects_only_unknown_keys(
    settings: Settings,
    own_issuer: Issuer,
    clock: Clock,
    misbehave: Callable[[Issuer, BufferedIOBase], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signing_keys, "FETCH_SECONDS", 0.5)
    unknown = bearer(jwt.encode(claims(), own_issuer.private["RS256-1"], "RS256", {"kid": "unknown"}))
    with (
        own_issuer.running(),
        service(settings, auth_mode="jwt", **own_issuer.settings()) as http,
        ThreadPoolExecutor(4) as pool,
    ):
        assert is_accepted(http, bearer(own_issuer.token()))
        own_issuer.send_document, clock.ahead = misbehave, PAUSE_SECONDS + 1
        asking = [pool.submit(http.get, "/audit", headers=unknown) for _ in range(4)]
        until(lambda: own_issuer.request_count == 2)
        for algorithm in ("RS256", "ES256", "HS256"):
            assert is_accepted(http, bearer(own_issuer.token(algorithm, sub="eve")))
        assert [each.result().status_code for each in asking] == [503] * 4
        assert own_issuer.request_count == 2


def test_only_keys_for_signatures_of_sufficient_length_are_used() -> None:
    good, short, curve = (
        rsa.generate_private_key(65537, 2048).public_key(),
        rsa.generate_private_key(65537, 1024).public_key(),
        ec.generate_private_key(ec.SECP384R1()).public_key(),
    )
    entries = [
        jwk("good", good),
        jwk("for anything", good, use="sig", key_ops=["verify"]),
        jwk("short", short),
        jwk("another curve", curve),
        jwk("for encryption", good, use="enc"),
        jwk("for signing only", good, key_ops=["sign"]),
        jwk("another algorithm", good, alg="RS512"),
        {**jwk("no text", good), "kid": 5},
        {**jwk("broken", good), "n": "!"},
        "no object",
    ]
    usable = signing_keys.usable_keys(json.dumps({"keys": entries}).encode())
    assert set(usable) == {"good", "for anything"}


@pytest.mark.parametrize("part", [0, 1])
def test_deeply_nested_token_is_refused(settings: Settings, part: int) -> None:
    nested = base64.urlsafe_b64encode(b'{"alg": "HS256", "x": ' + b"[" * 30_000).rstrip(b"=").decode()
    parts = jwt.encode(claims(), SECRET, "HS256").split(".")
    parts[part] = nested
    if part:
        signed = ".".join(parts[:2]).encode()
        parts[2] = base64.urlsafe_b64encode(hmac.digest(SECRET.encode(), signed, "sha256")).rstrip(b"=").decode()
    with service(settings, auth_mode="jwt", jwt_secret=SecretStr(SECRET), jwt_issuer="i", jwt_audience="a") as http:
        assert http.get("/audit", headers=bearer(".".join(parts))).status_code == 401


def test_forged_tokens_do_not_flood_the_issuer(
    settings: Settings, own_issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    forged = [jwt.encode(claims(), own_issuer.private["RS256-1"], "RS256", {"kid": str(n)}) for n in range(3)]
    own_issuer.start()
    try:
        with service(settings, auth_mode="jwt", **own_issuer.settings()) as http:
            assert [http.get("/audit", headers=bearer(token)).status_code for token in forged] == [401] * 3
            assert own_issuer.request_count == 1
            clock.ahead, own_issuer.status = PAUSE_SECONDS + 1, 500
            assert [http.get("/audit", headers=bearer(token)).status_code for token in forged] == [503] * 3
            assert own_issuer.request_count == 2
            assert is_accepted(http, bearer(own_issuer.token())), "its key is known"
            assert http.get("/audit", headers=bearer(forged[0])).status_code == 503
            assert caplog.text.count("the keys of tokens cannot be fetched") == 1
            clock.ahead += RETRY_SECONDS + 1
            assert http.get("/audit", headers=bearer(forged[0])).status_code == 503
            assert own_issuer.request_count == 3
    finally:
        own_issuer.stop()
