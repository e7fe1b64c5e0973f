"""`/openapi.json` is what a program can know of the service: it is valid, complete, and true."""

import re
import subprocess
import sys
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from controllers.openapi.links import operations
from tests.entities import ENTITIES, Entity, every_entity
from tests.factories import Factory
from tests.servers import ROOT

CACHED = [("get", path) for path in ("/products", "/products/{id_key}", "/categories", "/categories/{id_key}")]
SPACES = [chr(code) for code in range(1, sys.maxunicode) if chr(code).isspace() or chr(code) in "\u200b\ufeff"]


@pytest.fixture
def document(running_app: TestClient) -> Any:
    return running_app.get("/openapi.json").json()


def linked(document: Any, path: str, method: str = "post", status: str = "201") -> dict[str, Any]:
    """The links of an answer, by operation."""
    links = document["paths"][path][method]["responses"][status]["links"].values()
    found = [document["components"]["links"][link["$ref"].rpartition("/")[2]] for link in links]
    return {link["operationId"]: {**link.get("parameters", {}), **link.get("requestBody", {})} for link in found}


def test_it_is_valid(document: Any) -> None:
    assert document["openapi"].startswith("3.1.")
    OPENAPI_31_VALIDATOR.validate(document)


def test_it_is_valid_where_credentials_are_asked_for(guarded_app: FastAPI) -> None:
    document = guarded_app.openapi()
    OPENAPI_31_VALIDATOR.validate(document)
    schemes = set(document["components"]["securitySchemes"])
    for path, method, operation in operations(document):
        asked = {name for choice in operation.get("security", []) for name in choice}
        assert asked in (set(), schemes), path
        assert bool(asked) == ("403" in operation["responses"]), f"{method} {path}"


def test_every_reference_leads_somewhere(document: Any) -> None:
    for reference in set(re.findall(r"'\$ref': '#/components/([^']+)'", str(document))):
        kind, name = reference.split("/")
        assert name in document["components"][kind]


def test_every_operation_is_described(document: Any) -> None:
    for path, method, operation in operations(document):
        assert operation["summary"], path
        assert operation["tags"], path
        assert all("X-Request-ID" in response["headers"] for response in operation["responses"].values()), path
        body = operation.get("requestBody")
        assert bool(body) == (method in ("post", "put", "patch")), path


def test_every_answer_of_a_cached_read_tells_it_but_refusals_of_who_asks(guarded_app: FastAPI) -> None:
    for path, method, operation in operations(guarded_app.openapi()):
        tell = {status for status, response in operation["responses"].items() if "X-Cache-Hit" in response["headers"]}
        assert tell == (operation["responses"].keys() - {"401", "429"} if (method, path) in CACHED else set()), path


@every_entity
def test_what_was_made_leads_to_all_that_can_be_done_with_it(document: Any, entity: Entity) -> None:
    links = linked(document, entity.path)
    for path, _, operation in operations(document):
        if path.startswith(f"{entity.path}/{{id_key}}"):
            assert links[operation["operationId"]] == {"id_key": "$response.body#/id_key"}


@pytest.mark.parametrize("entity", [entity for entity in ENTITIES if entity.references], ids=lambda entity: entity.name)
def test_what_was_made_leads_to_what_may_refer_to_it(document: Any, entity: Entity) -> None:
    made_by = document["paths"][entity.path]["post"]["operationId"]
    for name in entity.references:
        target = {"client_id": "/clients", "bill_id": "/bills", "category_id": "/categories"}.get(
            name, f"/{name[:-3]}s"
        )
        assert linked(document, target)[made_by] == {name: "$response.body#/id_key"}


def test_a_checkout_leads_to_all_that_it_has_made(document: Any) -> None:
    links = linked(document, "/orders/checkout")
    assert links["get_orders_id_key_history"] == {"id_key": "$response.body#/order/id_key"}
    assert links["get_bills_id_key"] == {"id_key": "$response.body#/bill/id_key"}
    assert links["delete_order_details_id_key"] == {"id_key": "$response.body#/order_details/0/id_key"}


def test_a_text_is_blank_for_the_schema_when_it_is_for_the_service(client: TestClient, document: Any) -> None:
    pattern = re.compile(document["components"]["schemas"]["CategoryCreate"]["properties"]["name"]["pattern"])
    for space in SPACES:
        status = client.post("/categories", json={"name": space}).status_code
        assert (status == 201) == bool(pattern.match(space)), ascii(space)


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [("/orders/checkout", method, "POST") for method in ("GET", "PUT", "PATCH", "DELETE")]
    + [("/products/low_stock", method, "GET") for method in ("POST", "PUT", "PATCH", "DELETE")],
)
def test_a_word_in_a_path_is_no_id(client: TestClient, path: str, method: str, allowed: str) -> None:
    answer = client.request(method, path, json={})
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


def test_pages_by_key_are_not_offered_in_another_order(client: TestClient, make: Factory, document: Any) -> None:
    make.product(stock=0)
    names = {parameter["name"] for parameter in document["paths"]["/products/low_stock"]["get"]["parameters"]}
    assert "after_id" not in names
    assert client.get("/products/low_stock", params={"after_id": 0}).status_code == 422


def test_schemathesis_finds_nothing() -> None:
    """A short look, with a seed of its own; `make fuzz` takes a longer one, also in the phase called coverage, which
    alone would take all of the time here."""
    command = [sys.executable, "-m", "tests.fuzz", "--cases", "2", "--seed", "1", "--seconds", "10"]
    command += ["--phases", "examples,fuzzing,stateful"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr
    cases = re.search(r"Test cases:\n  (\d+) generated, (\d+) passed", run.stdout)
    assert cases, run.stdout
    assert cases[1] == cases[2] != "0"
