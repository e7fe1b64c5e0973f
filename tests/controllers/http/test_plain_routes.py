"""Endpoints that are written with plain FastAPI: closed by default, found, limited, measured and described."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.testclient import TestClient
from pydantic import BaseModel
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR
from sqlalchemy import delete, insert, select
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from config.settings import Settings
from controllers.http.dependencies import (
    ADMINS,
    CLIENTS,
    PUBLIC,
    CurrentPrincipal,
    Db,
    Guarded,
    allow,
    current_principal,
    get_db,
)
from controllers.http.plain.plain_router import RouteError
from infrastructure.embedded.ports import LOOPBACK, free_port
from infrastructure.exceptions import DatabaseUnavailableError
from infrastructure.observability.metrics import metrics
from main import create_fastapi_app
from models.category import CategoryModel
from models.system.api_key import ApiKeyModel
from services.auth.api_keys import NewKey
from services.auth.principal import Principal, Role
from services.exceptions import NotFoundError
from tests.credentials import Issuer, bearer
from tests.infrastructure.observability.test_metrics import samples

POLICIES = {"public": PUBLIC, "clients": CLIENTS, "admins": ADMINS}


class Body(BaseModel):
    number: int


async def endpoint() -> str:
    return "answered"


async def page(_: object) -> Response:
    return PlainTextResponse("page")


async def sub_application(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("mounted")(scope, receive, send)


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()


def add_route(app: FastAPI) -> None:
    app.get("/open")(endpoint)


def add_nested_router(app: FastAPI) -> None:
    inner, outer = APIRouter(prefix="/en"), APIRouter(prefix="/op")
    outer.include_router(inner)
    app.include_router(outer)
    inner.get("")(endpoint)  # an included router may get routes later
    app.routes  # noqa: B018 # read before and after


def add_open_beside_guarded(app: FastAPI) -> None:
    router = APIRouter()
    router.get("/closed", dependencies=[Depends(allow(ADMINS))])(endpoint)
    router.get("/open")(endpoint)
    app.include_router(router)


def add_page(app: FastAPI) -> None:
    app.add_route("/open", page)


def mount(app: FastAPI) -> None:
    app.mount("/open", sub_application)


@contextmanager
def serving(settings: Settings, add: Callable[[FastAPI], object], **changed: Any) -> Iterator[TestClient]:
    app = create_fastapi_app(settings.model_copy(update=changed))
    add(app)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def with_tokens(issuer: Issuer) -> dict[str, Any]:
    return {"auth_mode": "jwt", **issuer.settings()}


# Access


@pytest.mark.parametrize("add", [add_route, add_nested_router, add_open_beside_guarded, add_page, mount])
def test_route_without_a_policy(settings: Settings, issuer: Issuer, add: Callable[[FastAPI], None]) -> None:
    """Expect it to prevent the start, to be closed if it is added later, and to be open without authentication."""
    path = "/op/en" if add is add_nested_router else "/open"
    with (
        pytest.raises(RouteError, match=rf"^\S+( HEAD)? {path} has no policy: [^\n]+$"),
        serving(settings, add, **with_tokens(issuer)),
    ):
        """Does not start."""
    with serving(settings, lambda _: None, **with_tokens(issuer)) as client:
        add(client.app)  # type: ignore[arg-type] # FastAPI's
        for headers, status in (({}, 403), (bearer("wrong"), 401), (bearer(issuer.token("HS256")), 403)):
            answer = client.get(path, headers=headers)
            assert (answer.status_code, list(answer.json())) == (status, ["detail"])
            assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    with serving(settings, add) as client:
        assert client.get(path).status_code == 200


def test_websocket_prevents_the_start(settings: Settings, issuer: Issuer) -> None:
    def add(app: FastAPI) -> None:
        app.add_api_websocket_route("/socket", echo)

    with pytest.raises(RouteError, match="/socket has no policy"), serving(settings, add, **with_tokens(issuer)):
        """Does not start."""


def add_guarded(app: FastAPI) -> None:
    async def create(body: Body, principal: CurrentPrincipal) -> str:
        return principal.role

    for name, policy in POLICIES.items():
        router = APIRouter(prefix=f"/{name}", dependencies=[Depends(allow(policy))])
        router.get("/router")(endpoint)
        router.post("/router")(create)
        app.include_router(router)
        app.get(f"/{name}/route", dependencies=[Depends(allow(policy))])(endpoint)
        app.mount(f"/{name}/mounted", Guarded(sub_application, policy))
    strict = APIRouter(prefix="/strict", dependencies=[Depends(allow(CLIENTS))])
    strict.get("", dependencies=[Depends(allow(ADMINS))])(endpoint)
    app.include_router(strict)


def test_scopes_of_a_key_limit_plain_routes(settings: Settings) -> None:
    """A scope names the first word of the path."""
    with serving(settings, add_guarded, auth_mode="api_key") as shop:
        database = shop.app.state.app_context.database  # type: ignore[attr-defined] # FastAPI's
        made = {scope: NewKey.make() for scope in ("read", "admins:read", "admins:write", "clients:write")}
        with database.sessions.begin() as session:
            for scope, key in made.items():
                values = {"role": Role.ADMIN, "scopes": [scope], **key.columns()}
                session.execute(insert(ApiKeyModel).values(values))
        try:
            for scope, statuses in {
                "read": [200, 200, 200, 403],
                "admins:read": [200, 200, 200, 403],
                "admins:write": [200, 200, 200, 200],
                "clients:write": [200, 403, 403, 403],
            }.items():
                headers = {"X-API-Key": made[scope].key}
                answers = [
                    *(
                        shop.get(path, headers=headers)
                        for path in ("/public/route", "/admins/route", "/admins/mounted")
                    ),
                    shop.post("/admins/router", json={"number": 1}, headers=headers),
                ]
                assert [answer.status_code for answer in answers] == statuses, scope
        finally:
            with database.sessions.begin() as session:
                session.execute(delete(ApiKeyModel))


def test_policy_of_a_route_decides(settings: Settings, issuer: Issuer) -> None:
    """Expect the refusal before the body is read."""
    admin, client = (
        bearer(issuer.token("HS256", role=role, client_id=id_key)) for role, id_key in (("admin", None), ("client", 1))
    )
    callers = {"nobody": {}, "wrong": bearer("wrong"), "client": client, "admin": admin}
    expected = {
        "public": {"nobody": 200, "wrong": 401, "client": 200, "admin": 200},
        "clients": {"nobody": 401, "wrong": 401, "client": 200, "admin": 200},
        "admins": {"nobody": 401, "wrong": 401, "client": 403, "admin": 200},
    }
    with serving(settings, add_guarded, **with_tokens(issuer)) as shop:
        for policy, statuses in expected.items():
            for caller, status in statuses.items():
                for path in (f"/{policy}/route", f"/{policy}/router", f"/{policy}/router/", f"/{policy}/mounted/x"):
                    assert shop.get(path, headers=callers[caller]).status_code == status, (path, caller)
                invalid = shop.post(f"/{policy}/router", content=b"{", headers=callers[caller])
                assert invalid.status_code == (422 if status == 200 else status)
        assert [shop.get("/strict", headers=headers).status_code for headers in callers.values()] == [
            401,
            401,
            403,
            200,
        ]
        created = shop.post("/clients/router", json={"number": 1}, headers=client)
        assert created.json() == "client"


def test_dependencies_are_overridden(settings: Settings, issuer: Issuer) -> None:
    class Fake:
        def scalars(self, _: object) -> list[str]:
            return ["fake"]

    def add(app: FastAPI) -> None:
        @app.get("/names", dependencies=[Depends(allow(ADMINS))])
        def names(db: Db, principal: CurrentPrincipal) -> list[str]:
            return [*db.scalars(select(CategoryModel.name)), principal.role]

        app.dependency_overrides[get_db] = Fake

    with serving(settings, add, **with_tokens(issuer)) as client:
        app: Any = client.app
        assert client.get("/names").status_code == 401
        app.dependency_overrides[current_principal] = lambda: Principal(Role.ADMIN)
        assert client.get("/names").json() == ["fake", "admin"]
        app.dependency_overrides[current_principal] = lambda: Principal(Role.CLIENT, client_id=1)
        assert client.get("/names").status_code == 403


# Routing


def add_various(app: FastAPI) -> None:
    router = APIRouter(prefix="/report")

    @router.get("/")
    async def report() -> str:
        return "report"

    @router.get("/{word}")
    async def part(word: str) -> str:
        return word

    @router.get("/{word}/broken")
    async def broken(word: str) -> str:
        raise {"not_found": NotFoundError("Product", 5), "teapot": HTTPException(418, "teapot")}.get(
            word, DatabaseUnavailableError("away") if word == "away" else ValueError("a fault")
        )

    @router.post("/{number}")
    async def create(number: int, body: Body) -> int:
        return number + body.number

    @app.get("/products/report")
    async def export() -> str:
        return "exported"

    @app.get("/products/by_name/{name}")
    async def by_name(name: str) -> str:
        return name

    @app.get("/orders/report")
    async def export_orders() -> str:
        return "exported"

    app.include_router(router)
    app.router.routes.insert(0, app.router.routes.pop(-2))  # `/orders/report`, before the routes of orders


@pytest.fixture(scope="module")
def various(settings: Settings) -> Iterator[TestClient]:
    with serving(settings, add_various, rate_limit_enabled=True, rate_limit_calls=10_000) as client:
        yield client


def test_plain_routes_are_found(various: TestClient) -> None:
    for path, answer in (
        ("/report", "report"),
        ("/report/", "report"),
        ("/report/x", "x"),
        ("/products/report", "exported"),
        ("/products/report/", "exported"),
        ("/products/by_name/reviews", "reviews"),
        ("/orders/report", "exported"),
    ):
        assert various.get(path).json() == answer, path
        head = various.head(path)
        assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(answer) + 2)), path
    assert various.get("/products/other").status_code == 422
    assert various.get("/products/999").status_code == 404


def test_wrong_method_of_a_plain_route_is_405(various: TestClient) -> None:
    for path, allowed in (
        ("/report", "GET, HEAD"),
        ("/report/", "GET, HEAD"),
        ("/report/5", "GET, HEAD, POST"),
        ("/products/report", "GET, HEAD"),
        ("/orders/report", "GET, HEAD"),
    ):
        for method in ("DELETE", "PATCH"):
            answer = various.request(method, path)
            assert (answer.status_code, answer.headers["Allow"], list(answer.json())) == (405, allowed, ["detail"])


@pytest.mark.parametrize("path", ["/products", "/products/{id_key}", "/products/low_stock", "/orders/77"])
def test_route_that_is_never_reached_prevents_the_start(settings: Settings, path: str) -> None:
    with pytest.raises(RouteError, match="is never reached"), serving(settings, lambda app: app.get(path)(endpoint)):
        """Does not start."""


# Responses


def test_errors_have_the_form_of_all_errors(various: TestClient, settings: Settings) -> None:
    def post(content: bytes) -> Any:
        return various.post("/report/5", content=content, headers={"Content-Type": "application/json"})

    invalid = [
        various.post("/report/x", json={"number": 1}),
        various.post("/report/5", json={"number": "x"}),
        *map(post, (b"", b"{", b'{"number": "\xff"}', b'{"number": ' + b"[" * 100_000)),
    ]
    for answer in invalid:
        assert answer.status_code == 422, answer.text
        assert answer.json()["detail"][0].keys() == {"loc", "msg", "type"}
    assert post(b" " * settings.max_body_bytes + b"1").status_code == 413
    for word, status, body in (
        ("not_found", 404, {"message": "Product with id 5 not found"}),
        ("teapot", 418, {"detail": "teapot"}),
        ("away", 503, {"detail": "Service temporarily unavailable"}),
        ("fault", 500, {"detail": "Internal server error"}),
    ):
        answer = various.get(f"/report/{word}/broken")
        assert (answer.status_code, answer.json()) == (status, body)


def test_requests_are_limited_measured_and_named(various: TestClient) -> None:
    before = samples(metrics.render())
    answers = [various.get("/report/a", headers={"X-Request-ID": "mine"}), various.get("/report/b")]
    after = samples(metrics.render())
    grown = {name: after[name] - before.get(name, 0) for name in after if name.startswith("http_requests_total")}
    assert {name: count for name, count in grown.items() if count} == {"http_requests_total GET /report/{word} 200": 2}
    first, second = (int(answer.headers["X-RateLimit-Remaining"]) for answer in answers)
    assert first - second == 1
    assert answers[0].headers["X-Request-ID"] == "mine"
    assert answers[0].headers["Cache-Control"] == "no-store"


def test_database_that_is_away_is_503(settings: Settings) -> None:
    def add(app: FastAPI) -> None:
        @app.get("/names")
        def names(db: Db) -> list[str]:
            return list(db.scalars(select(CategoryModel.name)))

    away = {"postgres_host": LOOPBACK, "postgres_port": free_port(), "database_url": None}
    with serving(settings, add, **away) as client:
        assert client.get("/names").json() == {"detail": "Service temporarily unavailable"}


def test_plain_operations_are_described(settings: Settings, issuer: Issuer) -> None:
    app = create_fastapi_app(settings.model_copy(update=with_tokens(issuer)))
    alone = app.openapi()
    add_guarded(app)
    document = app.openapi()
    OPENAPI_31_VALIDATOR.validate(document)
    for path in alone["paths"]:
        assert document["paths"][path] == alone["paths"][path]
    assert document["components"]["links"] == alone["components"]["links"]
    for name, refusals in (("public", {"401"}), ("clients", {"401", "403"}), ("admins", {"401", "403"})):
        operation = document["paths"][f"/{name}/router"]["post"]
        assert operation["responses"].keys() == {"200", "413", "422", "429", "500", "503", *refusals}
        assert operation.get("security", []) == ([] if name == "public" else [{"Token": []}])
        assert "X-RateLimit-Limit" in operation["responses"]["200"]["headers"]
        assert "Retry-After" in operation["responses"]["429"]["headers"]
