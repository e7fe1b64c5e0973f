"""Hostile input: refused as invalid in every place, without an internal error or a side effect."""

import itertools
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event, text

from controllers import CONTROLLERS
from infrastructure.postgres.database import Database
from tests.entities import ENTITIES, Entity, every_entity
from tests.factories import Factory

JSON_TYPE = {"Content-Type": "application/json"}
NESTED = b"[" * 10_000 + b"]" * 10_000

# Raw JSON for the value of a field, written by hand because no library produces it.
HOSTILE_VALUES = {
    "nul": rb'"a\u0000b"',
    "raw nul": b'"a\x00b"',
    "lone surrogate": rb'"a\ud800b"',
    "lone surrogate raw": b'"a\xed\xa0\x80b"',
    "reversed surrogates": rb'"\udc00\ud800"',
    "invalid utf-8": b'"a\xffb"',
    "overlong utf-8": b'"\xc0\x80"',
    "nan": b"NaN",
    "infinity": b"Infinity",
    "minus infinity": b"-Infinity",
    "beyond doubles": b"1e400",
    "beyond decimals": b"1e99999999999999999999",
    "beyond patience": b"1e3000000",
    "nan as text": b'"NaN"',
    "infinity as text": b'"Infinity"',
    "true": b"true",
    "false": b"false",
    "list": b"[]",
    "object": b"{}",
    "list of itself": b"[1]",
    "number as text": b'"1"',
    "underscores": b'"1_0"',
    "brackets": NESTED,
    "digits": b"1" * 5000,
}
# Create and update parse fields with the same types, so a few values are enough for updates.
ALSO_IN_CHANGES = {"nul", "lone surrogate", "invalid utf-8", "nan", "beyond doubles", "true", "list", "brackets"}
HARMLESS_TEXT = {"nan as text", "infinity as text", "number as text", "underscores"}
# A reference may be any integer; an object beyond the range of the column does not exist.
FORTY_DIGITS = b"1" * 40
HOSTILE_BODIES = {
    "nothing": b"",
    "null": b"null",
    "text": b'"x"',
    "number": b"1",
    "decimal number": b"1.5",
    "list": b"[]",
    "nested brackets": NESTED,
    "nested objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "unclosed": b'{"name": "x"',
    "trailing comma": b'{"name": "x",}',
    "two values": b"{} {}",
    "single quotes": b"{'name': 'x'}",
    "nul": b"\x00",
    "invalid utf-8": b'{"name": "\xff"}',
    "utf-16": '{"name": "x"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "form": b"name=x&price=1",
    "xml": b"<name>x</name>",
    "nan": b"NaN",
}


BELOW_AN_ID = [
    "/clients/{}/orders",
    "/clients/{}/addresses",
    "/clients/{}/summary",
    "/categories/{}/products",
    "/products/{}/reviews",
    "/products/{}/rating",
    "/orders/{}/order_details",
    "/orders/{}/balance",
    "/orders/{}/history",
    "/orders/{}/shipping_address",
    "/orders/{}/tracking",
    "/orders/{}/payments",
    "/orders/{}/returns",
]


@contextmanager
def recorded_parameters(database: Database) -> Iterator[list[Any]]:
    """Yield a list of all values that statements then have as parameters."""
    recorded: list[Any] = []

    def record(_connection: Any, _cursor: Any, _statement: str, parameters: Any, *_: Any) -> None:
        values = parameters.values() if isinstance(parameters, dict) else parameters
        for value in values:
            recorded.extend(value if isinstance(value, list) else [value])

    event.listen(database.engine, "before_cursor_execute", record)
    try:
        yield recorded
    finally:
        event.remove(database.engine, "before_cursor_execute", record)


def is_refused(answer: Any) -> bool:
    """Return True for a 422 in the form of all validation errors."""
    if answer.status_code != 422 or answer.headers["Content-Type"] != "application/json":
        return False
    detail = answer.json()["detail"]
    return bool(detail) and all(set(item) == {"loc", "msg", "type"} for item in detail)


def with_raw(body: dict[str, Any], name: str, raw: bytes) -> bytes:
    """Return the body as JSON, with `raw` as the field's value."""
    parts = [f"{json.dumps(key)}:".encode() + (raw if key == name else json.dumps(body[key]).encode()) for key in body]
    return b"{" + b",".join(parts) + b"}"


@every_entity
def test_hostile_field_value_is_refused(client: TestClient, make: Factory, entity: Entity) -> None:
    made, body = entity.make(make), entity.body(make)
    where = f"{entity.path}/{made['id_key']}"
    for name, spec in entity.fields.items():
        for label, raw in HOSTILE_VALUES.items():
            if spec.kind in ("text", "word") and label in HARMLESS_TEXT:
                continue
            answers = [client.post(entity.path, content=with_raw(body, name, raw), headers=JSON_TYPE)]
            if label in ALSO_IN_CHANGES:
                answers.append(client.patch(where, content=with_raw({name: 0}, name, raw), headers=JSON_TYPE))
            for answer in answers:
                assert is_refused(answer), (name, label, answer.status_code, answer.text[:300])
    assert client.get(entity.path).json() == [made]


@every_entity
def test_forty_digit_integer_is_refused_or_not_found(client: TestClient, make: Factory, entity: Entity) -> None:
    made, body = entity.make(make), entity.body(make)
    for name, spec in entity.fields.items():
        for key in ({}, {"Idempotency-Key": f"forty digits of {name}"}):
            raw = with_raw(body, name, FORTY_DIGITS)
            answer = client.post(entity.path, content=raw, headers=JSON_TYPE | key)
            if spec.kind == "reference":
                assert (answer.status_code, list(answer.json())) == (404, ["message"])
            else:
                assert is_refused(answer), (name, answer.text)
    assert client.get(entity.path).json() == [made]


UNSTORABLE = {"negative": -1, "zero": 0, "64 bits": 2**63, "40 digits": 10**39, "4,200 digits": int("7" * 4200)}


@pytest.mark.parametrize("key", UNSTORABLE.values(), ids=UNSTORABLE)
def test_id_that_no_column_holds_never_reaches_the_database(
    client: TestClient, make: Factory, committing: Database, caplog: pytest.LogCaptureFixture, key: int
) -> None:
    caplog.set_level(logging.DEBUG)
    made = [(entity, entity.make(make), entity.body(make)) for entity in ENTITIES]
    customer, product = make.customer()["id_key"], make.product()["id_key"]
    answers = []
    with recorded_parameters(committing) as parameters:
        for entity, stored, body in made:
            where = f"{entity.path}/{stored['id_key']}"
            for name in entity.references:
                for headers in ({}, {"Idempotency-Key": f"{entity.path} {name}"}):
                    answers.append(client.post(entity.path, json=body | {name: key}, headers=headers))
                answers.append(client.patch(where, json={name: key}))
            for method in ("GET", "PUT", "PATCH", "DELETE"):
                for headers in ({}, {"If-Match": '"x"'}):
                    answers.append(client.request(method, f"{entity.path}/{key}", json={}, headers=headers))
        answers += [client.get(path.format(key)) for path in BELOW_AN_ID]
        for ordered, sold in ((key, product), (customer, key)):
            order = {"client_id": ordered, "delivery_method": 1, "payment_type": "cash"}
            order["items"] = [{"product_id": sold, "quantity": 1}] * 100
            for headers in ({}, {"Idempotency-Key": f"checkout {ordered == key}"}):
                answers.append(client.post("/orders/checkout", json=order, headers=headers))
    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["message"].partition(" with ")[2] for answer in answers} == {f"id {key} not found"}
    assert parameters
    assert key not in parameters
    if key >= 2**63:
        assert not any(str(key) in value for value in parameters if isinstance(value, str)), "nor within a text"
    assert max(len(record.getMessage()) for record in caplog.records) < 1000


@every_entity
def test_values_at_the_bounds_are_accepted_and_beyond_refused(
    client: TestClient, make: Factory, entity: Entity
) -> None:
    body = entity.body(make)
    for name, spec in entity.fields.items():
        for value in spec.refused:
            for answer in (
                client.post(entity.path, json=body | {name: value}),
                client.put(f"{entity.path}/1", json={name: value}),
            ):
                assert is_refused(answer), (name, value, answer.text)
                assert answer.json()["detail"][0]["loc"] == ["body", name]
    assert client.get(entity.path).json() == []
    for name, spec in entity.fields.items():
        for value in spec.accepted:
            created = client.post(entity.path, json=body | {name: value})
            assert created.status_code == 201, (name, value, created.text)
            assert client.get(created.headers["Location"]).content == created.content
            if spec.kind != "time":
                assert created.json()[name] == value
            client.delete(created.headers["Location"])


@every_entity
def test_texts_are_trimmed(client: TestClient, make: Factory, entity: Entity) -> None:
    body = entity.body(make)
    padded = {
        name: f" \t{value}\n\u00a0" if entity.fields[name].kind in ("text", "pattern", "word") else value
        for name, value in body.items()
    }
    created = client.post(entity.path, json=padded)
    assert created.status_code == 201, created.text
    assert created.json().items() >= body.items()


@every_entity
def test_hostile_body_is_refused(client: TestClient, make: Factory, entity: Entity) -> None:
    made = entity.make(make)
    where = f"{entity.path}/{made['id_key']}"
    types = itertools.cycle((JSON_TYPE, {"Content-Type": "text/plain"}, {}, {"Content-Type": "nonsense; x"}))
    for label, body in HOSTILE_BODIES.items():
        for method, path in (("POST", entity.path), ("PUT", where), ("PATCH", where)):
            answer = client.request(method, path, content=body, headers=next(types))
            assert is_refused(answer), (label, method, answer.text[:300])
    assert client.get(entity.path).json() == [made]


@pytest.mark.parametrize("label", ["nul", "lone surrogate", "nan", "beyond decimals", "beyond patience", "brackets"])
def test_hostile_checkout_value_is_refused(client: TestClient, make: Factory, label: str) -> None:
    product, customer = make.product(stock=10), make.customer()
    item = {"product_id": product["id_key"], "quantity": 1, "price": 999.99}
    body = {"client_id": customer["id_key"], "delivery_method": 1, "payment_type": "cash", "discount": 0}
    raw = HOSTILE_VALUES[label]
    bodies = [with_raw({**body, "items": [item], "bill_number": "B"}, name, raw) for name in (*body, "bill_number")]
    for name in item:
        bodies.append(with_raw({**body, "items": 0}, "items", b"[" + with_raw(item, name, raw) + b"]"))
    bodies.append(with_raw({**body, "items": 0}, "items", b"[" + raw + b"]"))
    for content in bodies:
        assert is_refused(client.post("/orders/checkout", content=content, headers=JSON_TYPE)), content[:300]
    assert [client.get(path).json() for path in ("/orders", "/bills", "/order_details")] == [[], [], []]
    assert client.get(f"/products/{product['id_key']}").json() == product


HOSTILE_PARAMETERS = ("%00", "a%00b", "%ff", "%ed%a0%80", "%c0%80", "x" * 10_000, "NaN", "Infinity", "-1e400", "1" * 40)


@every_entity
def test_hostile_query_parameter_is_refused_or_finds_nothing(client: TestClient, make: Factory, entity: Entity) -> None:
    made = entity.make(make)
    for value in HOSTILE_PARAMETERS:
        for name in ("skip", "limit", "after_id", "count", "sort", "include", "safe_since", *FILTERS[entity.path]):
            answer = client.get(f"{entity.path}?{name}={value}")
            if (name in TEXT_FILTERS and value in SEARCHABLE) or (name in RATINGS and value.isdigit()):
                found = [made] if name == "max_rating" else []
                assert (answer.status_code, answer.json()) == (200, found), (name, value)
            else:
                assert is_refused(answer), (name, value, answer.text[:300])
    assert client.get(f"{entity.path}?nonsense=x&{'y' * 5000}").json() == [made]


SEARCHABLE = {"NaN", "Infinity", "-1e400", "1" * 40}
TEXT_FILTERS = {"q", "email", "city", "street", "sku"}
RATINGS = {"min_rating", "max_rating"}
FILTERS = {controller.prefix: controller.filters.filter_names() for controller in CONTROLLERS}


HOSTILE_HEADERS = (b"\xff\xfe", b"\x80", b'"' * 5000, b",,,", b"W/", b"*" * 300, "ñ".encode(), b"%00")


@every_entity
def test_hostile_conditional_and_idempotency_headers_are_harmless(
    client: TestClient, make: Factory, entity: Entity
) -> None:
    made = entity.make(make)
    where = f"{entity.path}/{made['id_key']}"
    for value in HOSTILE_HEADERS:
        assert client.get(where, headers=[(b"If-None-Match", value)]).json() == made
        assert client.put(where, json={}, headers=[(b"If-Match", value)]).status_code == 412
        if not value.isascii() or len(value) > 255:
            refused = client.post(entity.path, json=entity.body(make), headers=[(b"Idempotency-Key", value)])
            assert is_refused(refused)
            assert refused.json()["detail"][0]["loc"] == ["header", "Idempotency-Key"]
    assert client.get(entity.path).json() == [made]


@pytest.mark.parametrize(
    "name", ["Accept", "X-Request-ID", "X-Forwarded-For", "Cookie", "Origin", "Range", "Authorization"]
)
def test_other_hostile_headers_are_harmless(client: TestClient, make: Factory, name: str) -> None:
    made = make.category()
    for value in HOSTILE_HEADERS:
        for path, expected in (("/categories", [made]), (f"/categories/{made['id_key']}", made)):
            assert client.get(path, headers=[(name.encode(), value)]).json() == expected


@pytest.mark.parametrize(
    "path", ["/%00", "/%ff", "/products/%ff", "/products/%00/rating", "/../../etc/passwd", "/static/%00"]
)
def test_hostile_paths_are_refused(client: TestClient, path: str) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X" * 300):
        answer = client.request(method, path)
        assert answer.status_code in (404, 405, 422), (method, answer.status_code)
        assert list(answer.json()) == ["detail"]


def test_sql_in_a_name_is_plain_text(client: TestClient, make: Factory) -> None:
    names = ["'; DROP TABLE clients; --", "%s %(id)s {0} $1 :name", "\\'); SELECT pg_sleep(10); --", "a\\", "<script>"]
    for name in names:
        made = make.category(name=name)
        assert client.get(f"/categories/{made['id_key']}").json()["name"] == name
        assert client.get("/categories", params={"q": name}).json() == [made]


def test_refused_requests_leave_no_row(committing_client: TestClient, committing: Any) -> None:
    """Include the tables that no resource shows: stored responses and status changes."""
    before = rows_by_table(committing)
    for entity in ENTITIES:
        for raw in (b"NaN", rb'{"name": "\u0000"}', NESTED, b'{"client_id": 1e400}', b"{}"):
            headers = JSON_TYPE | {"Idempotency-Key": f"key of {entity.name}"}
            assert is_refused(committing_client.post(entity.path, content=raw, headers=headers))
    assert rows_by_table(committing) == before


def rows_by_table(database: Any) -> dict[str, int]:
    with database.engine.connect() as connection:
        tables = connection.scalars(text("""SELECT relname FROM pg_class
            WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace"""))
        return {name: connection.scalars(text(f"SELECT count(*) FROM {name}")).one() for name in tables.all()}
