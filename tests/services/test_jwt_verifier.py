"""Signing keys of tokens: fetched from the issuer, rotated, and unavailable."""

import jwt
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from config.settings import Settings
from services.auth.authenticator import TOKEN_TRUST_SECONDS
from services.auth.jwt_verifier import KEYS_LIFESPAN_SECONDS, RETRY_SECONDS
from tests.credentials import Clock, Issuer, bearer, claims, key_headers, service
from tests.services.test_authenticator import is_accepted


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
            own_issuer.status, own_issuer.document = 200, right
            clock.ahead = KEYS_LIFESPAN_SECONDS + 1
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
            clock.ahead = 31
            assert is_accepted(http, bearer(own_issuer.token(generation=2)))
            assert is_accepted(http, bearer(own_issuer.token("ES256", generation=2)))
            assert not is_accepted(http, later), "signed with a key that is withdrawn"
            clock.ahead += TOKEN_TRUST_SECONDS
            assert not is_accepted(http, remembered)
    finally:
        own_issuer.stop()


def test_known_keys_outlast_an_issuer_outage(settings: Settings, own_issuer: Issuer, clock: Clock) -> None:
    own_issuer.start()
    with service(settings, auth_mode="jwt", **own_issuer.settings()) as http:
        try:
            assert is_accepted(http, bearer(own_issuer.token()))
        finally:
            own_issuer.stop()
        assert is_accepted(http, bearer(own_issuer.token(sub="eve"))), "the keys are known"
        clock.ahead = TOKEN_TRUST_SECONDS + 1
        assert http.get("/audit", headers=bearer(own_issuer.token(sub="bob"))).status_code == 503


def test_forged_tokens_do_not_flood_the_issuer(
    settings: Settings, own_issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    forged = [jwt.encode(claims(), own_issuer.private["RS256-1"], "RS256", {"kid": str(n)}) for n in range(3)]
    own_issuer.start()
    try:
        with service(settings, auth_mode="jwt", **own_issuer.settings()) as http:
            assert [http.get("/audit", headers=bearer(token)).status_code for token in forged] == [401] * 3
            assert own_issuer.request_count == 1
            clock.ahead, own_issuer.status = 31, 500
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
