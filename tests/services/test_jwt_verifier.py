"""The keys with which tokens are signed: fetched from whoever issues them, changed, and away."""

import jwt
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from config.settings import Settings
from services.auth.authenticator import TOKEN_TRUST_SECONDS
from services.auth.jwt_verifier import KEYS_LIFESPAN_SECONDS, RETRY_SECONDS
from tests.credentials import Clock, Issuer, bearer, claims, key_headers, service
from tests.services.test_authenticator import is_taken


@pytest.fixture
def own_issuer() -> Issuer:
    """One that a test may stop, and that does not run yet."""
    return Issuer()


def test_without_the_issuer_nobody_can_say_whose_a_token_is(
    settings: Settings, client: TestClient, app: FastAPI, own_issuer: Issuer, clock: Clock
) -> None:
    token = bearer(own_issuer.token())
    with service(settings, app.state.app_context.database, auth_mode="both", **own_issuer.settings()) as http:
        answer = http.get("/audit", headers=token)
        assert (answer.status_code, answer.json()) == (503, {"detail": "Service temporarily unavailable"})
        assert answer.headers["Retry-After"]
        assert is_taken(http, key_headers(app)), "keys need no issuer"
        assert is_taken(http, bearer(own_issuer.token("HS256"))), "nor does a secret"
        assert http.get("/audit", headers=bearer("a.b.c")).status_code == 401
        own_issuer.start()
        clock.ahead = RETRY_SECONDS + 1
        try:
            assert is_taken(http, token)
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
def test_an_issuer_that_answers_no_keys_is_away(
    settings: Settings, own_issuer: Issuer, clock: Clock, status: int, document: bytes
) -> None:
    right, own_issuer.status, own_issuer.document = own_issuer.document, status, document
    own_issuer.start()
    try:
        with service(settings, auth_mode="jwt", **own_issuer.settings()) as http:
            assert http.get("/audit", headers=bearer(own_issuer.token())).status_code == 503
            own_issuer.status, own_issuer.document = 200, right
            clock.ahead = KEYS_LIFESPAN_SECONDS + 1
            assert is_taken(http, bearer(own_issuer.token()))
    finally:
        own_issuer.stop()


def test_keys_of_the_issuer_change(settings: Settings, own_issuer: Issuer, clock: Clock) -> None:
    own_issuer.start()
    try:
        with service(settings, auth_mode="jwt", **own_issuer.settings()) as http:
            remembered, later = (bearer(own_issuer.token(sub=name)) for name in ("ada", "eve"))
            assert is_taken(http, remembered)
            own_issuer.renew(generation=2)
            clock.ahead = 31
            assert is_taken(http, bearer(own_issuer.token(generation=2)))
            assert is_taken(http, bearer(own_issuer.token("ES256", generation=2)))
            assert not is_taken(http, later), "signed with a key that is withdrawn"
            clock.ahead += TOKEN_TRUST_SECONDS
            assert not is_taken(http, remembered)
    finally:
        own_issuer.stop()


def test_known_tokens_outlive_an_outage_of_the_issuer(settings: Settings, own_issuer: Issuer, clock: Clock) -> None:
    own_issuer.start()
    with service(settings, auth_mode="jwt", **own_issuer.settings()) as http:
        try:
            assert is_taken(http, bearer(own_issuer.token()))
        finally:
            own_issuer.stop()
        assert is_taken(http, bearer(own_issuer.token(sub="eve"))), "the keys are known"
        clock.ahead = TOKEN_TRUST_SECONDS + 1
        assert http.get("/audit", headers=bearer(own_issuer.token(sub="bob"))).status_code == 503


def test_made_up_tokens_do_not_make_the_service_ask_without_end(
    settings: Settings, own_issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    made_up = [jwt.encode(claims(), own_issuer.private["RS256-1"], "RS256", {"kid": str(n)}) for n in range(3)]
    own_issuer.start()
    try:
        with service(settings, auth_mode="jwt", **own_issuer.settings()) as http:
            assert [http.get("/audit", headers=bearer(token)).status_code for token in made_up] == [401] * 3
            assert own_issuer.asked == 1
            clock.ahead, own_issuer.status = 31, 500
            assert [http.get("/audit", headers=bearer(token)).status_code for token in made_up] == [503] * 3
            assert own_issuer.asked == 2
            assert is_taken(http, bearer(own_issuer.token())), "its key is known"
            assert http.get("/audit", headers=bearer(made_up[0])).status_code == 503
            assert caplog.text.count("the keys of tokens cannot be fetched") == 1
            clock.ahead += RETRY_SECONDS + 1
            assert http.get("/audit", headers=bearer(made_up[0])).status_code == 503
            assert own_issuer.asked == 3
    finally:
        own_issuer.stop()
