"""Common behaviour of all entities over HTTP."""

import itertools
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.database import StatementCounter
from tests.entities import ENTITIES, TARGETS, Entity, every_entity
from tests.factories import Factory

MISSING_IDS = (0, -1, 2**31, 2**63 - 1, 2**63, 10**39)
MALFORMED_IDS = ("x", "1.5", "1_0", "%201", "1e3", "٣", "0x1", "true", "+1", "%00", "1%00")
UPDATE_METHODS = ("PUT", "PATCH")


def missing(entity: str, id_key: Any) -> dict[str, str]:
    return {"message": f"{entity} with id {id_key} not found"}


@every_entity
def test_object_is_created_read_listed_and_deleted(client: TestClient, make: Factory, entity: Entity) -> None:
    body = entity.body(make)
    created = client.post(entity.path, json=body)
    assert created.status_code == 201, created.text
    assert list(created.json()) == ["id_key", *entity.fields]
    assert created.json() == body | {"id_key": created.json()["id_key"]}
    where = created.headers["Location"]
    assert where == f"{entity.path}/{created.json()['id_key']}"

    read = client.get(where)
    assert (read.status_code, read.content) == (200, created.content)
    assert client.get(entity.path).content == b"[" + created.content + b"]"
    assert {answer.headers["Content-Type"] for answer in (created, read)} == {"application/json"}

    deleted = client.delete(where)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert client.get(entity.path).json() == []
    for again in (
        client.get(where),
        client.delete(where),
        *(client.request(method, where, json={}) for method in UPDATE_METHODS),
    ):
        assert (again.status_code, again.json()) == (404, missing(entity.name, created.json()["id_key"]))


@every_entity
def test_create_fills_defaults_of_optional_fields(client: TestClient, make: Factory, entity: Entity) -> None:
    body = entity.body(make)
    created = client.post(entity.path, json={name: body[name] for name in entity.required})
    assert created.status_code == 201, created.text
    for name, spec in entity.fields.items():
        if spec.default is ...:
            assert created.json()[name]
        else:
            assert created.json().get(name) == (body[name] if spec.required else spec.default)
            assert (name in created.json()) is not spec.omitted


@every_entity
def test_create_without_a_required_field_is_refused(client: TestClient, make: Factory, entity: Entity) -> None:
    body = entity.body(make)
    for name in entity.required:
        answer = client.post(entity.path, json={key: value for key, value in body.items() if key != name})
        assert answer.status_code == 422
        assert [item["loc"] for item in answer.json()["detail"]] == [["body", name]]
    answer = client.post(entity.path, json={})
    assert [item["loc"] for item in answer.json()["detail"]] == [["body", name] for name in entity.required]
    assert client.get(entity.path).json() == []


@every_entity
def test_update_to_null_is_only_for_nullable_fields(client: TestClient, make: Factory, entity: Entity) -> None:
    made = entity.make(make)
    where = f"{entity.path}/{made['id_key']}"
    for name, spec in entity.fields.items():
        for method in UPDATE_METHODS:
            answer = client.request(method, where, json={name: None})
            if spec.nullable:
                assert (answer.status_code, answer.json()) == (200, entity.shown(made | {name: None}))
                assert client.request(method, where, json={name: made[name]}).json() == made
            else:
                assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", name])
    assert client.get(where).json() == made


@every_entity
def test_create_with_null_is_only_for_nullable_fields(client: TestClient, make: Factory, entity: Entity) -> None:
    for name in entity.required:
        answer = client.post(entity.path, json=entity.body(make) | {name: None})
        assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", name])
    nothing = {name: None for name, spec in entity.fields.items() if spec.nullable}
    created = client.post(entity.path, json=entity.body(make) | nothing)
    assert created.status_code == 201
    assert created.json().items() >= entity.shown(nothing).items()
    assert {name for name in nothing if name in created.json()} == entity.shown(nothing).keys()


@every_entity
def test_update_changes_only_the_fields_sent(client: TestClient, make: Factory, entity: Entity) -> None:
    for method in UPDATE_METHODS:
        expected = entity.make(make)
        where = f"{entity.path}/{expected['id_key']}"
        for name, value in entity.updates().items():
            expected = expected | {name: value}
            answer = client.request(method, where, json={name: value})
            assert (answer.status_code, answer.json()) == (200, expected)
            assert client.get(where).content == answer.content
        assert client.request(method, where, json={}).json() == expected
        client.delete(where)  # frees its unique values for the next method


@every_entity
def test_update_changes_references(client: TestClient, make: Factory, entity: Entity) -> None:
    made = entity.make(make)
    for name in entity.references:
        made = made | {name: TARGETS[name][2](make)["id_key"]}
        answer = client.put(f"{entity.path}/{made['id_key']}", json={name: made[name]})
        assert (answer.status_code, answer.json()) == (200, made)


@every_entity
def test_id_key_and_unknown_fields_are_ignored(client: TestClient, make: Factory, entity: Entity) -> None:
    more = {"id_key": 4711, "created_at": "x", "updated_at": None, "supplied": -5, "nonsense": [{"\u0000": 1e300}]}
    body = entity.body(make)
    created = client.post(entity.path, json=body | more)
    assert created.status_code == 201, created.text
    assert created.json()["id_key"] != 4711
    assert created.json() == body | {"id_key": created.json()["id_key"]}
    for method in UPDATE_METHODS:
        changed = client.request(method, created.headers["Location"], json=more)
        assert (changed.status_code, changed.json()) == (200, created.json())


@every_entity
def test_trailing_slash_needs_no_redirect(client: TestClient, make: Factory, entity: Entity) -> None:
    client.follow_redirects = False
    try:
        created = client.post(f"{entity.path}/", json=entity.body(make))
        assert created.status_code == 201
        where = created.headers["Location"]
        assert client.get(f"{entity.path}/").content == client.get(entity.path).content
        assert client.get(f"{where}/").content == client.get(where).content == created.content
        for method in UPDATE_METHODS:
            assert client.request(method, f"{where}/", json={}).content == created.content
        assert client.delete(f"{where}/").status_code == 204
    finally:
        client.follow_redirects = True


@every_entity
def test_pages_are_slices_of_the_list_by_id_key(client: TestClient, make: Factory, entity: Entity) -> None:
    made = entity.make_many(make, 5)
    client.put(f"{entity.path}/{made[0]['id_key']}", json={})
    name, value = next(iter(entity.updates().items()))
    made[1] = client.put(f"{entity.path}/{made[1]['id_key']}", json={name: value}).json()
    assert client.get(entity.path).json() == made
    for skip, limit in ((0, 2), (2, 2), (4, 2), (5, 1), (0, 1000), (2**62, 1)):
        assert client.get(entity.path, params={"skip": skip, "limit": limit}).json() == made[skip : skip + limit]
    assert client.get(entity.path, params={"skip": 1}).json() == made[1:]


@every_entity
def test_page_out_of_bounds_is_refused(client: TestClient, entity: Entity) -> None:
    wrong = [("skip", value) for value in ("-1", "x", "1e20", "100000000000000000000", "", "1.5", "true", "\x00")]
    wrong += [("limit", value) for value in ("0", "-1", "1001", "x", "", "NaN", "1" * 40)]
    for name, value in wrong:
        answer = client.get(entity.path, params={name: value})
        assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["query", name]), value


@every_entity
def test_unknown_id_is_not_found(client: TestClient, entity: Entity) -> None:
    for id_key in MISSING_IDS:
        where = f"{entity.path}/{id_key}"
        answers = [
            client.get(where),
            client.delete(where),
            *(client.request(method, where, json={}) for method in UPDATE_METHODS),
        ]
        assert [(answer.status_code, answer.json()) for answer in answers] == [(404, missing(entity.name, id_key))] * 4


@every_entity
def test_malformed_id_is_refused(client: TestClient, entity: Entity) -> None:
    answers = [client.get(f"{entity.path}/{text}") for text in (*MALFORMED_IDS, "1" * 5000)]
    answers += [client.request(method, f"{entity.path}/x", json={}) for method in ("DELETE", *UPDATE_METHODS)]
    for answer in answers:
        assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["path", "id_key"]), answer.url


@pytest.mark.parametrize("entity", [entity for entity in ENTITIES if entity.references], ids=lambda entity: entity.name)
def test_reference_to_a_missing_object_is_not_found(client: TestClient, make: Factory, entity: Entity) -> None:
    made = entity.make(make)
    for name in entity.references:
        for id_key in MISSING_IDS:
            answers = [client.post(entity.path, json=entity.body(make, **{name: id_key}))]
            answers += [
                client.request(method, f"{entity.path}/{made['id_key']}", json={name: id_key})
                for method in UPDATE_METHODS
            ]
            for answer in answers:
                assert (answer.status_code, answer.json()) == (404, missing(TARGETS[name][0], id_key))
    assert client.get(entity.path).json() == [made]


@pytest.mark.parametrize("entity", [entity for entity in ENTITIES if entity.unique], ids=lambda entity: entity.name)
def test_duplicate_of_a_unique_value_conflicts(client: TestClient, make: Factory, entity: Entity) -> None:
    [(name, message)] = entity.unique.items()
    first, second = entity.make(make), entity.make(make)
    for answer in (
        client.post(entity.path, json=entity.body(make, **{name: first[name]})),
        client.post(entity.path, json=entity.body(make, **{name: f"  {first[name]} "})),
        *(
            client.request(method, f"{entity.path}/{second['id_key']}", json={name: first[name]})
            for method in UPDATE_METHODS
        ),
    ):
        assert (answer.status_code, answer.json()) == (409, {"detail": message})
    for method in UPDATE_METHODS:
        same = client.request(method, f"{entity.path}/{first['id_key']}", json={name: first[name]})
        assert (same.status_code, same.json()) == (200, first)
    assert client.get(entity.path).json() == [first, second]
    client.delete(f"{entity.path}/{first['id_key']}")
    assert client.post(entity.path, json=entity.body(make, **{name: first[name]})).status_code == 201


@every_entity
def test_etag_identifies_the_content(client: TestClient, make: Factory, entity: Entity) -> None:
    made = entity.make(make)
    where = f"{entity.path}/{made['id_key']}"
    for path in (where, entity.path):
        etag = client.get(path).headers["ETag"]
        assert client.get(path).headers["ETag"] == etag
        for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            same = client.get(path, headers={"If-None-Match": known})
            assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", etag), known
        name, value = next(iter(entity.updates().items()))
        changed = client.put(where, json={name: value})
        for known in (etag, '"other"', "nonsense", ""):
            fresh = client.get(path, headers={"If-None-Match": known})
            assert (fresh.status_code, fresh.headers["ETag"] != etag) == (200, True), known
        assert client.get(where).headers["ETag"] == changed.headers["ETag"]
        client.put(where, json={name: made[name]} if name != "status" else {})


@every_entity
def test_if_match_refuses_a_stale_write(client: TestClient, make: Factory, entity: Entity) -> None:
    where = f"{entity.path}/{entity.make(make)['id_key']}"
    read = client.get(where)
    updates = iter(entity.updates().items())
    name, value = next(updates)
    changed = client.put(where, json={name: value}, headers={"If-Match": read.headers["ETag"]})
    assert changed.status_code == 200
    writes = [(method, {name: read.json()[name]}) for method in UPDATE_METHODS] + [("DELETE", None)]
    for method, body in writes:
        for stale in (read.headers["ETag"], '"other"', "nonsense"):
            answer = client.request(method, where, json=body, headers={"If-Match": stale})
            assert (answer.status_code, list(answer.json())) == (412, ["detail"])
    assert client.get(where).content == changed.content
    for good in ("*", f'"other", {changed.headers["ETag"]}'):
        assert client.patch(where, json={name: value}, headers={"If-Match": good}).status_code == 200
    assert client.delete(where, headers={"If-Match": changed.headers["ETag"]}).status_code == 204
    assert client.delete(where, headers={"If-Match": "*"}).status_code == 404


@every_entity
def test_read_statements_do_not_grow_with_the_list(
    client: TestClient, make: Factory, statements: StatementCounter, entity: Entity
) -> None:
    made = entity.make_many(make, 2)
    same = {name: made[0][name] for name in entity.references}

    def count_statements(path: str) -> int:
        before = len(statements)
        assert client.get(path).status_code == 200
        return len(statements) - before

    def count_all_statements() -> list[int]:
        one = f"{entity.path}/{made[0]['id_key']}"
        return [
            count_statements(path)
            for path in (entity.path, f"{entity.path}?count=true&limit=999", f"{one}?x", f"{one}")
        ]

    short = count_all_statements()
    for _ in range(20):
        entity.make(make, **same)
    assert short[:2] == count_all_statements()[:2] == [1, 2]
    assert short[2] == 1


@every_entity
def test_write_statements_are_bounded(
    client: TestClient, make: Factory, statements: StatementCounter, entity: Entity
) -> None:
    body, other = entity.body(make), entity.body(make)
    field, value = next(iter(entity.updates().items()))
    marks = [len(statements)]
    client.post(entity.path, json={name: other[name] for name in entity.required})
    marks.append(len(statements))
    where = client.post(entity.path, json=body).headers["Location"]
    marks.append(len(statements))
    client.put(where, json={field: value})
    marks.append(len(statements))
    client.delete(where)
    marks.append(len(statements))
    least, post, put, delete = (after - before for before, after in itertools.pairwise(marks))
    assert (least, post, put <= 7, delete <= 9) == (1, 1, True, True), statements.statements
