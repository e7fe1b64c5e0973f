"""Null in a creation equals omitting a field with a default; in an update it is for optional fields only."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.controllers.http.test_rest_rules import Owner
from tests.entities import ENTITIES, Entity, every_entity
from tests.factories import Factory, Object

GENERATED = {"id_key", "bill_number", "date"}


def stable(made: Object) -> Object:
    """Return the object without the values that differ from creation to creation."""
    return {name: value for name, value in made.items() if name not in GENERATED}


@every_entity
def test_null_in_a_creation_equals_omitting(client: TestClient, make: Factory, entity: Entity) -> None:
    body = {name: value for name, value in entity.body(make).items() if name not in entity.unique}
    optional = [name for name, spec in entity.fields.items() if not spec.required]
    required_unique = [name for name in entity.unique if entity.fields[name].required]

    def create(**nulls: None) -> Object:
        own = {name: entity.body(make)[name] for name in required_unique}
        given = {name: value for name, value in body.items() if name not in optional}
        return make.post(entity.path, given | own | nulls)

    omitted = create()
    for nulls in [*([name] for name in optional), optional]:
        made = create(**dict.fromkeys(nulls))
        ignored = set(required_unique)
        assert {**stable(made), **dict.fromkeys(ignored)} == {**stable(omitted), **dict.fromkeys(ignored)}
        for name in {"bill_number", "date"} & made.keys():
            assert made[name]


@every_entity
def test_null_for_a_required_field_is_refused(client: TestClient, make: Factory, entity: Entity) -> None:
    body = entity.body(make)
    for name in entity.required:
        answer = client.post(entity.path, json=body | {name: None})
        assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", name])
    assert client.get(entity.path).json() == []


@every_entity
def test_null_in_an_update_is_for_optional_fields_only(client: TestClient, make: Factory, entity: Entity) -> None:
    made = entity.make(make)
    for name, spec in entity.fields.items():
        for method in ("PUT", "PATCH"):
            answer = client.request(method, f"{entity.path}/{made['id_key']}", json={name: None})
            assert answer.status_code == (200 if spec.nullable else 422), (name, answer.text)
            assert not spec.nullable or answer.json().get(name) is None


def checkout(make: Factory, **changed: Any) -> Object:
    product = make.product()
    items = [{"product_id": product["id_key"], "quantity": 1}]
    sale = {"client_id": make.customer()["id_key"], "delivery_method": 1, "payment_type": "cash", "items": items}
    return sale | changed


def test_null_in_a_checkout_equals_omitting(client: TestClient, make: Factory) -> None:
    body = checkout(make, discount=None, bill_number=None)
    body["items"][0]["price"] = None
    placed = make.post("/orders/checkout", body)
    assert (placed["bill"]["discount"], placed["order"]["total"]) == (0, 999.99)
    assert placed["bill"]["bill_number"].startswith("BILL-")
    for name in ("client_id", "delivery_method", "payment_type", "items"):
        answer = client.post("/orders/checkout", json=body | {name: None})
        assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", name])
    items = [body["items"][0] | {"quantity": None}]
    answer = client.post("/orders/checkout", json=body | {"items": items})
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "items", 0, "quantity"])


def test_null_and_nothing_are_one_request(client: TestClient, make: Factory) -> None:
    """A repeat with the same key may leave out what the first request sent as null."""
    body, key = {"total": 5, "payment_type": "cash"}, {"Idempotency-Key": "nulls"}
    first = client.post("/bills", json=body | {"discount": None, "bill_number": None}, headers=key)
    repeat = client.post("/bills", json=body, headers=key)
    assert (repeat.json(), repeat.headers["Idempotency-Replayed"]) == (first.json(), "true")


def test_client_may_send_null_for_fields_of_admins(guarded: TestClient, guarded_app: FastAPI, make: Factory) -> None:
    caller = Owner(guarded_app, make)
    body = checkout(make, client_id=caller.objects["/clients"], discount=None, bill_number=None)
    assert guarded.post("/orders/checkout", json=body, headers=caller.headers).status_code == 201


@pytest.mark.parametrize("name", [*(f"{entity.name}Create" for entity in ENTITIES), "CheckoutCreate", "CheckoutItem"])
def test_description_lists_the_nulls_of_creations(running_app: TestClient, name: str) -> None:
    schemas = running_app.get("/openapi.json").json()["components"]["schemas"]
    schema = schemas[name]
    for field, described in schema["properties"].items():
        takes_null = {"type": "null"} in described.get("anyOf", ())
        assert takes_null == (field not in schema["required"]), field


@every_entity
def test_description_lists_the_nulls_of_updates_and_answers(running_app: TestClient, entity: Entity) -> None:
    schemas = running_app.get("/openapi.json").json()["components"]["schemas"]
    for kind in ("Update", "Schema"):
        properties = schemas[f"{entity.name}{kind}"]["properties"]
        for name, spec in entity.fields.items():
            assert ({"type": "null"} in properties[name].get("anyOf", ())) == spec.nullable, (kind, name)
