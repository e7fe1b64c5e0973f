"""Four rules of REST for every resource: a deleted object is gone, a refused request leaves nothing, a child is found
only below its parent, and each principal sees only its own objects.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from controllers import CONTROLLERS
from controllers.base_controller_impl import Parent
from controllers.http.access import PUBLIC
from services.auth.principal import Role
from tests.controllers.test_authorization import RETURN
from tests.credentials import Headers, execute, key_headers
from tests.entities import ENTITIES, TARGETS, Entity, every_entity
from tests.factories import Factory, Object

METHODS = ("GET", "PUT", "PATCH", "DELETE")
ACCESS = {controller.prefix: controller.access for controller in CONTROLLERS}
CHILDREN = [
    (entity, parent)
    for entity in ENTITIES
    for one in CONTROLLERS
    for parent in one.parents
    if one.prefix == entity.path
]

every_child = pytest.mark.parametrize(
    ("entity", "parent"), CHILDREN, ids=[f"{entity.name} of {parent.prefix}" for entity, parent in CHILDREN]
)


def call_operations(client: TestClient, path: str, id_key: int, headers: Headers | None = None) -> dict[str, Any]:
    """Return the response of each operation on one object, and of each read below it."""
    one = f"{path}/{id_key}"
    routes: list[Any] = [route for route in client.app.routes if route.path.startswith(f"{path}/{{id_key}}")]  # type: ignore[attr-defined] # FastAPI's
    methods = {method for route in routes if route.path == f"{path}/{{id_key}}" for method in route.methods}
    below = [route.path for route in routes if route.path.count("/") > 2 and "GET" in route.methods]
    requests = [("GET", name.replace("{id_key}", str(id_key))) for name in below] + [
        (method, one) for method in METHODS if method in methods
    ]
    return {
        f"{method} {where}": client.request(
            method, where, json={} if method in ("PUT", "PATCH") else None, headers=headers
        )
        for method, where in requests
    }


def all_objects(client: TestClient) -> dict[str, list[Object]]:
    """Return all objects of all resources."""
    return {entity.path: client.get(entity.path, params={"limit": 1000}).json() for entity in ENTITIES}


# Use after free


@every_entity
def test_deleted_object_is_gone(client: TestClient, make: Factory, entity: Entity) -> None:
    id_key = entity.make(make)["id_key"]
    before = call_operations(client, entity.path, id_key)  # caches the object, then deletes it
    before.pop(f"GET {entity.path}/{id_key}/shipping_address", None)  # only a checkout has one
    assert {answer.status_code for answer in before.values()} == {200, 204}
    for operation, answer in call_operations(client, entity.path, id_key).items():
        assert answer.status_code == 404, operation
        assert answer.json() == {"message": f"{entity.name} with id {id_key} not found"}, operation
    assert all_objects(client)[entity.path] == []


@pytest.mark.parametrize(("entity", "name"), [(entity, name) for entity in ENTITIES for name in entity.references])
def test_deleted_object_cannot_be_referenced(client: TestClient, make: Factory, entity: Entity, name: str) -> None:
    word, path, target = TARGETS[name]
    made, gone = entity.make(make), target(make)["id_key"]
    assert client.delete(f"{path}/{gone}").status_code == 204
    refusals = [
        client.post(entity.path, json=entity.body(make, **{name: gone})),
        client.patch(f"{entity.path}/{made['id_key']}", json={name: gone}),
    ]
    for refusal in refusals:
        assert (refusal.status_code, refusal.json()) == (404, {"message": f"{word} with id {gone} not found"})
    assert client.get(entity.path).json() == [made]


# Leakage


def refused_bodies(make: Factory, entity: Entity) -> Iterator[tuple[int, Object]]:
    """Yield bodies with one fault each, after their expected status."""
    body = entity.body(make)
    yield from ((422, {name: body[name] for name in body if name != missing}) for missing in entity.required)
    yield from ((422, body | {name: value}) for name, spec in entity.fields.items() for value in spec.refused)
    yield from ((404, body | {name: 2**63 - 1}) for name in entity.references)
    stored = entity.make(make)
    yield from ((409, entity.body(make) | {name: stored[name]}) for name in entity.unique)
    if entity.name == "OrderDetail":
        yield from ((400, body | wrong) for wrong in ({"quantity": 1_000_000}, {"price": 1.23}))
        closed = make.order(status=4)["id_key"]
        yield 409, body | {"order_id": closed}


@every_entity
@pytest.mark.parametrize("with_key", [False, True], ids=["", "with an Idempotency-Key"])
def test_refused_create_leaves_nothing(client: TestClient, make: Factory, entity: Entity, with_key: bool) -> None:
    bodies = list(refused_bodies(make, entity))
    before = all_objects(client)
    for number, (status, body) in enumerate(bodies):
        headers = {"Idempotency-Key": f"key {number}"} if with_key else {}
        answer = client.post(entity.path, json=body, headers=headers)
        assert answer.status_code == status, (body, answer.text)
        assert "Location" not in answer.headers
    assert all_objects(client) == before


# Hierarchy


@every_child
def test_child_is_found_only_below_its_parent(
    client: TestClient, make: Factory, entity: Entity, parent: Parent
) -> None:
    target = TARGETS[parent.filter][2]
    own, other = target(make)["id_key"], target(make)["id_key"]
    child = entity.make(make, **{parent.filter: own})

    def children(of: int, **query: Any) -> Any:
        return client.get(f"{parent.prefix}/{of}{entity.path}", params=query)

    assert children(own).json() == [child]
    assert children(other).json() == []
    assert children(other, **{parent.filter: own}).json() == []
    assert children(2**63 - 1).status_code == 404
    below = f"{parent.prefix}/{own}{entity.path}/{child['id_key']}"
    assert {client.request(method, below, json={}).status_code for method in METHODS} == {404}


@every_child
def test_moved_child_leaves_its_parent(client: TestClient, make: Factory, entity: Entity, parent: Parent) -> None:
    target = TARGETS[parent.filter][2]
    own, other = target(make), target(make)
    child = entity.make(make, **{parent.filter: own["id_key"]})
    moved = client.patch(f"{entity.path}/{child['id_key']}", json={parent.filter: other["id_key"]})
    assert moved.status_code == 200, moved.text
    assert client.get(f"{parent.prefix}/{own['id_key']}{entity.path}").json() == []
    assert client.get(f"{parent.prefix}/{other['id_key']}{entity.path}").json() == [moved.json()]


# Namespace


class Owner:
    """Client with an API key and an object of each kind."""

    def __init__(self, app: FastAPI, make: Factory) -> None:
        client = make.customer()["id_key"]
        self.headers = key_headers(app, client)
        order = make.order(client_id=client)
        self.objects = {
            "/clients": client,
            "/addresses": make.address(client_id=client)["id_key"],
            "/orders": order["id_key"],
            "/bills": order["bill_id"],
            "/order_details": make.order_detail(order_id=order["id_key"])["id_key"],
            "/payments": make.post(f"/orders/{order['id_key']}/payments", {"amount": 1})["id_key"],
            "/returns": execute(app, RETURN, order=order["id_key"])[0][0],
        }


@pytest.mark.parametrize(
    "path", [path for path, access in ACCESS.items() if Role.CLIENT in access.read.roles and access.read != PUBLIC]
)
def test_object_of_another_client_is_not_found(
    guarded: TestClient, guarded_app: FastAPI, make: Factory, path: str
) -> None:
    caller, owner = Owner(guarded_app, make), Owner(guarded_app, make)
    access, foreign_id = ACCESS[path], owner.objects[path]
    allowed = {"GET": access.read, "PUT": access.change, "PATCH": access.change, "DELETE": access.delete}
    for operation, answer in call_operations(guarded, path, foreign_id, caller.headers).items():
        may_ask = Role.CLIENT in allowed[operation.partition(" ")[0]].roles
        assert answer.status_code == (404 if may_ask else 403), operation
    own = guarded.get(path, headers=caller.headers, params={"limit": 1000}).json()
    assert [one["id_key"] for one in own] == [caller.objects[path]]
    assert guarded.get(f"{path}/{foreign_id}", headers=owner.headers).status_code == 200


def test_create_for_another_client_is_refused(guarded: TestClient, guarded_app: FastAPI, make: Factory) -> None:
    caller, owner = Owner(guarded_app, make), Owner(guarded_app, make)
    foreign_id, product = owner.objects["/clients"], make.product()["id_key"]
    before = all_objects(make.client)
    bodies = {
        "/addresses": {"street": "Main Street", "city": "Springfield", "client_id": foreign_id},
        "/orders/checkout": {
            "client_id": foreign_id,
            "delivery_method": 1,
            "payment_type": "card",
            "items": [{"product_id": product, "quantity": 1}],
        },
    }
    for path, body in bodies.items():
        answer = guarded.post(path, json=body, headers=caller.headers)
        assert (answer.status_code, answer.json()) == (404, {"message": f"Client with id {foreign_id} not found"})
    assert all_objects(make.client) == before
