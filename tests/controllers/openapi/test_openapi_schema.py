"""Schema in `/openapi.json`: valid, complete, and consistent with the service."""

import re
import subprocess
import sys
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from controllers.openapi.links import operations
from tests.entities import ENTITIES, TARGETS, Entity, every_entity
from tests.factories import Factory
from tests.servers import ROOT

CACHED = [("get", path) for path in ("/products", "/products/{id_key}", "/categories", "/categories/{id_key}")]
SPACES = [chr(code) for code in range(1, sys.maxunicode) if chr(code).isspace() or chr(code) in "\u200b\ufeff"]


@pytest.fixture
def document(running_app: TestClient) -> Any:
    return running_app.get("/openapi.json").json()


def linked(document: Any, path: str, method: str = "post", status: str = "201") -> dict[str, Any]:
    """Return the links of a response by operation id."""
    links = document["paths"][path][method]["responses"][status]["links"].values()
    found = [document["components"]["links"][link["$ref"].rpartition("/")[2]] for link in links]
    return {link["operationId"]: {**link.get("parameters", {}), **link.get("requestBody", {})} for link in found}


def test_schema_is_valid(document: Any) -> None:
    assert document["openapi"].startswith("3.1.")
    OPENAPI_31_VALIDATOR.validate(document)


def test_schema_is_valid_with_authentication(guarded_app: FastAPI) -> None:
    document = guarded_app.openapi()
    OPENAPI_31_VALIDATOR.validate(document)
    schemes = set(document["components"]["securitySchemes"])
    for path, method, operation in operations(document):
        required = {name for choice in operation.get("security", []) for name in choice}
        assert required in (set(), schemes), path
        assert bool(required) == ("403" in operation["responses"]), f"{method} {path}"


def test_every_reference_resolves(document: Any) -> None:
    for reference in set(re.findall(r"'\$ref': '#/components/([^']+)'", str(document))):
        kind, name = reference.split("/")
        assert name in document["components"][kind]


def test_every_operation_is_described(document: Any) -> None:
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    for path, method, operation in operations(document):
        assert operation["summary"], path
        assert operation["description"], path
        [tag] = operation["tags"]
        assert tags[tag], path
        assert [item["name"] for item in operation["parameters"] if not item.get("description")] == [], path
        assert all("X-Request-ID" in response["headers"] for response in operation["responses"].values()), path
        assert "requestBody" not in operation or method in ("post", "put", "patch"), path


def test_every_field_is_described(document: Any) -> None:
    undescribed = {
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, described in schema.get("properties", {}).items()
        if not described.get("description")
    }
    assert undescribed == set()


def test_names_of_operations_suit_client_libraries(document: Any) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", name) for name in names)
    assert {"products_list", "products_get", "products_create", "orders_checkout", "clients_orders_list"} <= set(names)


def test_operations_are_in_a_fixed_order(document: Any) -> None:
    paths = list(document["paths"])
    assert paths[:2] == ["/categories", "/categories/{id_key}"]
    orders = [path for path, methods in document["paths"].items() if next(iter(methods.values()))["tags"] == ["orders"]]
    assert orders == [
        *("/orders", "/orders/{id_key}", "/orders/checkout", "/orders/export"),
        *("/clients/{id_key}/orders", "/orders/{id_key}/balance", "/orders/{id_key}/history"),
        *("/orders/{id_key}/shipping_address", "/orders/{id_key}/tracking"),
    ]


def test_cached_reads_document_the_cache_header(guarded_app: FastAPI) -> None:
    for path, method, operation in operations(guarded_app.openapi()):
        documented = {
            status for status, response in operation["responses"].items() if "X-Cache-Hit" in response["headers"]
        }
        assert documented == (
            operation["responses"].keys() - {"401", "429"} if (method, path) in CACHED else set()
        ), path


@every_entity
def test_create_links_to_every_operation_of_the_object(document: Any, entity: Entity) -> None:
    links = linked(document, entity.path)
    for path, _, operation in operations(document):
        if path.startswith(f"{entity.path}/{{id_key}}"):
            assert links[operation["operationId"]] == {"id_key": "$response.body#/id_key"}


@pytest.mark.parametrize("entity", [entity for entity in ENTITIES if entity.references], ids=lambda entity: entity.name)
def test_create_links_to_creates_that_reference_the_object(document: Any, entity: Entity) -> None:
    made_by = document["paths"][entity.path]["post"]["operationId"]
    for name in entity.references:
        assert linked(document, TARGETS[name][1])[made_by] == {name: "$response.body#/id_key"}


def test_checkout_links_to_every_created_object(document: Any) -> None:
    links = linked(document, "/orders/checkout")
    assert links["orders_history"] == {"id_key": "$response.body#/order/id_key"}
    assert links["bills_get"] == {"id_key": "$response.body#/bill/id_key"}
    assert links["order_details_delete"] == {"id_key": "$response.body#/order_details/0/id_key"}


def test_blank_text_is_the_same_for_schema_and_service(client: TestClient, document: Any) -> None:
    pattern = re.compile(document["components"]["schemas"]["CategoryCreate"]["properties"]["name"]["pattern"])
    for space in SPACES:
        status = client.post("/categories", json={"name": space}).status_code
        assert (status == 201) == bool(pattern.match(space)), ascii(space)


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [("/orders/checkout", method, "POST") for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE")]
    + [("/products/low_stock", method, "GET, HEAD") for method in ("POST", "PUT", "PATCH", "DELETE")],
)
def test_literal_path_is_405_and_no_id_lookup(client: TestClient, path: str, method: str, allowed: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


def test_low_stock_list_has_no_after_id(client: TestClient, make: Factory, document: Any) -> None:
    make.product(stock=0)
    names = {parameter["name"] for parameter in document["paths"]["/products/low_stock"]["get"]["parameters"]}
    assert "after_id" not in names
    assert client.get("/products/low_stock", params={"after_id": 0}).status_code == 422


def test_schemathesis_finds_no_failure() -> None:
    """Run a short fuzz with a fixed seed.

    `make fuzz` runs longer and includes the coverage phase. That phase alone would take all of the time here.
    """
    command = [sys.executable, "-m", "tests.fuzz", "--cases", "2", "--seed", "1", "--seconds", "10"]
    command += ["--phases", "examples,fuzzing,stateful"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr
    cases = re.search(r"Test cases:\n  (\d+) generated, (\d+) passed", run.stdout)
    assert cases, run.stdout
    assert cases[1] == cases[2] != "0"
