"""Lists of changes and timestamps, for all entities: `updated_since`, `X-Safe-Since`, `include=timestamps`."""

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from config.settings import Settings
from infrastructure.postgres.database import Database
from tests.credentials import key_headers
from tests.entities import Entity, every_entity
from tests.factories import Factory
from tests.servers import superuser_url

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z").fullmatch
TIMESTAMPS = {"include": "timestamps"}


def moment(text: str) -> datetime:
    assert MOMENT(text), text
    return datetime.fromisoformat(text)


def keys(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [one["id_key"] for one in answer.json()]


@every_entity
def test_timestamps_are_shown_only_if_asked_for(client: TestClient, make: Factory, entity: Entity) -> None:
    made = entity.make(make)
    where = f"{entity.path}/{made['id_key']}"
    shown = client.get(where, params=TIMESTAMPS).json()
    assert list(shown) == [*made, "created_at", "updated_at"]
    assert {name: shown[name] for name in made} == made == client.get(where).json()
    assert moment(shown["created_at"]) <= moment(shown["updated_at"]) <= datetime.now(UTC)
    assert client.get(entity.path, params=TIMESTAMPS).json() == [shown]
    assert client.get(entity.path).json() == [made]
    name, value = next(iter(entity.updates().items()))
    assert client.put(where, json={name: value}).json() == made | {name: value}
    changed = client.get(where, params=TIMESTAMPS).json()
    assert changed == shown | {name: value, "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > shown["updated_at"]
    for path in (where, entity.path):
        answer = client.get(path, params={"include": "everything"})
        assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["query", "include"])


@every_entity
def test_each_form_has_its_etag_and_conditions_accept_both(client: TestClient, make: Factory, entity: Entity) -> None:
    where = f"{entity.path}/{entity.make(make)['id_key']}"
    name, value = next(iter(entity.updates().items()))

    def tags() -> list[str]:
        return [client.get(where, params=query).headers["ETag"] for query in ({}, TIMESTAMPS)]

    before = tags()
    assert len(set(before)) == 2
    for query, known, status in (({}, 0, 304), (TIMESTAMPS, 1, 304), ({}, 1, 200), (TIMESTAMPS, 0, 200)):
        assert client.get(where, params=query, headers={"If-None-Match": before[known]}).status_code == status
    assert client.put(where, json={name: value}, headers={"If-Match": before[1]}).status_code == 200
    for stale in before:
        assert client.put(where, json={name: value}, headers={"If-Match": stale}).status_code == 412
    plain, timed = tags()
    assert client.patch(where, json={}, headers={"If-Match": f"W/{plain}"}).status_code == 200
    assert client.delete(where, headers={"If-Match": timed}).status_code == 204


def test_a_change_that_a_body_does_not_show_is_seen_with_timestamps(client: TestClient, make: Factory) -> None:
    """Sell a unit and put it back: the plain body is as before, and so is its tag; the product was changed, though."""
    product, order = make.product(stock=5)["id_key"], make.order()["id_key"]
    where = f"/products/{product}"
    plain, timed = (client.get(where, params=query).headers["ETag"] for query in ({}, TIMESTAMPS))
    detail = make.order_detail(order_id=order, product_id=product, quantity=1)["id_key"]
    client.delete(f"/order_details/{detail}")
    count = {"stock": 5, "reason": "counted"}
    answers = [client.post(f"{where}/stock_movements", json=count, headers={"If-Match": tag}) for tag in (plain, timed)]
    assert [answer.status_code for answer in answers] == [204, 412]


def test_forms_are_cached_apart_and_dropped_together(client: TestClient, make: Factory) -> None:
    made = make.product()
    forms = [(path, query) for path in (f"/products/{made['id_key']}", "/products") for query in ({}, TIMESTAMPS)]

    def read() -> list[Any]:
        answers = [client.get(path, params=query) for path, query in forms * 2]
        assert [answer.headers["X-Cache-Hit"] for answer in answers] == ["false"] * 4 + ["true"] * 4
        assert [answer.content for answer in answers[:4]] == [answer.content for answer in answers[4:]]
        return [answer.json() for answer in answers[:4]]

    first = read()
    assert [len(one) for one in (first[0], first[1], first[2][0], first[3][0])] == [5, 7, 5, 7]
    client.patch(f"/products/{made['id_key']}", json={"price": 2})
    second = read()
    assert all(one["price"] == 2 for one in (second[0], second[1], second[2][0], second[3][0]))
    assert second[1]["updated_at"] > first[1]["updated_at"]
    more = client.get(f"/products/{made['id_key']}", params={"include": "timestamps", "x": "1"})
    assert (more.headers["X-Cache-Hit"], more.json()) == ("true", second[1])


@every_entity
def test_list_of_changes(client: TestClient, make: Factory, entity: Entity) -> None:
    """Change the first of three objects: it follows the others in time, and comes first in the list."""
    made = [one["id_key"] for one in entity.make_many(make, 3)]
    name, value = next(iter(entity.updates().items()))
    client.put(f"{entity.path}/{made[0]}", json={name: value})
    times = {one["id_key"]: one["updated_at"] for one in client.get(entity.path, params=TIMESTAMPS).json()}
    assert sorted(times, key=times.__getitem__) == [made[1], made[2], made[0]]
    for since, found in ((made[1], made), (made[2], [made[0], made[2]]), (made[0], [made[0]])):
        query = {"updated_since": times[since], "count": "true"}
        answer = client.get(entity.path, params=query)
        assert (keys(answer), answer.headers["X-Total-Count"]) == (found, str(len(found)))
        assert client.get(entity.path, params=query | {"sort": "-id_key"}).json() == answer.json()[::-1]
        paged = client.get(entity.path, params=query | {"after_id": found[0], "limit": 1})
        assert keys(paged) == found[1:2]
    assert keys(client.get(entity.path, params={"updated_since": "2999-01-01"})) == []
    for wrong in ("", "yesterday", "1700000000", "2026-02-30", "\x00"):
        answer = client.get(entity.path, params={"updated_since": wrong})
        assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["query", "updated_since"])


@pytest.mark.parametrize("path", ["/stock_movements", "/audit", "/api_keys"])
def test_logs_and_keys_list_changes_as_well(
    guarded: TestClient, guarded_app: FastAPI, make: Factory, path: str
) -> None:
    admin = key_headers(guarded_app)
    product = make.product(stock=5)["id_key"]
    guarded.patch(f"/products/{product}", json={"stock": 7}, headers=admin)
    everything = guarded.get(path, params=TIMESTAMPS, headers=admin)
    assert keys(everything)
    since = everything.json()[-1]["updated_at"]
    answer = guarded.get(path, params={"updated_since": since}, headers=admin)
    assert keys(answer) == keys(everything)[-1:]
    assert moment(answer.headers["X-Safe-Since"])


def test_list_of_changes_includes_archived_products(client: TestClient, make: Factory) -> None:
    kept, gone = (make.product()["id_key"] for _ in range(2))
    client.post(f"/products/{gone}/archive")
    for archived, found in (("", [kept, gone]), ("&archived=false", [kept]), ("&archived=true", [gone])):
        answer = client.get(f"/products?updated_since=2020-01-01{archived}&count=true")
        assert (keys(answer), answer.headers["X-Total-Count"]) == (found, str(len(found)))
    answers = [client.get("/products?updated_since=2020-01-01") for _ in range(2)]
    assert [answer.headers["X-Cache-Hit"] for answer in answers] == ["false", "false"]


def test_pages_of_changes_have_the_value_of_the_first_one(client: TestClient, make: Factory) -> None:
    made = [make.category()["id_key"] for _ in range(5)]
    since = "2020-01-01T00:00:00Z"
    first = client.get("/categories", params={"updated_since": since, "after_id": 0, "limit": 2, **TIMESTAMPS})
    safe = first.headers["X-Safe-Since"]
    assert moment(safe) > moment(since)
    found, page = keys(first), first
    while "next" in page.links:
        page = client.get(page.links["next"]["url"])
        assert page.headers["X-Safe-Since"] == safe
        assert "safe_since" not in page.links["first"]["url"]
        found += keys(page)
    assert found == made
    for later in ({"after_id": made[1]}, {"skip": 2}, {"after_id": made[1], "sort": "-id_key"}):
        answer = client.get("/categories", params={"updated_since": since, **later})
        assert moment(answer.headers["X-Safe-Since"]) == moment(since), "nobody knows the first page"
    newest = client.get("/categories", params={"updated_since": since, "sort": "-id_key", "after_id": 2**63 - 1})
    assert moment(newest.headers["X-Safe-Since"]) >= moment(safe)
    assert "X-Safe-Since" not in client.get("/categories").headers


@pytest.fixture
def service(committing_client: TestClient) -> TestClient:
    return committing_client


@pytest.fixture
def foreign(settings: Settings) -> Iterator[Connection]:
    """Yield a connection of a role that the service's role does not see into."""
    with create_engine(superuser_url(settings), poolclass=NullPool).connect() as connection:
        yield connection


class Mirror:
    """Copy of the categories, kept up to date with lists of changes."""

    def __init__(self, service: TestClient) -> None:
        self.service, self.since = service, "2020-01-01T00:00:00Z"
        self.names: dict[int, str] = {}

    def update(self) -> None:
        answer = self.service.get("/categories", params={"updated_since": self.since, "limit": 1000})
        assert answer.status_code == 200, answer.text
        self.names |= {one["id_key"]: one["name"] for one in answer.json()}
        self.since = answer.headers["X-Safe-Since"]


def rename(connection: Connection, category: int, name: str) -> None:
    connection.execute(text("UPDATE categories SET name = :name WHERE id_key = :key"), {"name": name, "key": category})


def test_transactions_that_commit_out_of_order_are_not_missed(service: TestClient, committing: Database) -> None:
    """Hold transactions open, commit the later ones first, and read between any two steps."""
    make = Factory(service)
    first, second, third = (make.category()["id_key"] for _ in range(3))
    mirror = Mirror(service)
    mirror.update()
    with committing.engine.connect() as early, committing.engine.connect() as late:
        rename(early, first, "early")
        mirror.update()
        rename(late, second, "late")
        late.execute(text("INSERT INTO categories (name) VALUES ('new')"))
        mirror.update()
        late.commit()
        mirror.update()
        assert {"late", "new"} <= set(mirror.names.values())
        service.patch(f"/categories/{third}", json={"name": "plain"})
        mirror.update()
        rename(early, third, "early, too")
        mirror.update()
        early.commit()
    mirror.update()
    assert mirror.names[first] == "early"
    assert mirror.names[third] == "early, too"
    assert mirror.names == {one["id_key"]: one["name"] for one in service.get("/categories").json()}


def test_value_stays_while_another_role_writes(service: TestClient, foreign: Connection) -> None:
    """Expect no progress: the service cannot see when the transaction began."""
    category = Factory(service).category()["id_key"]
    mirror = Mirror(service)
    mirror.update()
    before = mirror.since
    rename(foreign, category, "foreign")
    for _ in range(2):
        mirror.update()
        assert moment(mirror.since) == moment(before)
    foreign.commit()
    mirror.update()
    assert (mirror.names[category], mirror.since > before) == ("foreign", True)


def test_idle_and_reading_sessions_do_not_hold_the_value_back(service: TestClient, committing: Database) -> None:
    Factory(service).category()
    mirror = Mirror(service)
    with committing.engine.connect() as reading:
        reading.execute(text("SELECT count(*) FROM categories"))
        begun = reading.execute(text("SELECT now()")).scalar_one()
        mirror.update()
        assert moment(mirror.since) > begun


def test_concurrent_writers_are_mirrored(service: TestClient, committing: Database) -> None:
    """Write for a while with transactions of different lengths, and follow all changes with lists of changes."""
    make = Factory(service)
    categories = [make.category()["id_key"] for _ in range(8)]
    mirror = Mirror(service)

    def write(number: int) -> None:
        for turn in range(40):
            with committing.engine.begin() as connection:
                rename(connection, categories[number], f"{number}, {turn}")
                connection.execute(text("SELECT pg_sleep(:s)"), {"s": 0.005 * number})
                rename(connection, categories[number + 4], f"{number}, {turn}, too")

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        mirror.update()
    for writer in writers:
        writer.join()
    mirror.update()
    assert mirror.names == {one["id_key"]: one["name"] for one in service.get("/categories").json()}
