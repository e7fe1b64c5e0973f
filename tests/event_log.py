"""The event log as its readers see it."""

from typing import Any

from fastapi.testclient import TestClient

from tests.factories import Object

LISTS = ("categories", "products", "reviews", "clients", "addresses", "bills", "orders", "order_details")


def events(client: TestClient, after_id: int = 0, limit: int = 1000, **query: Any) -> list[Object]:
    """Return all events after `after_id`, page by page."""
    found: list[Object] = []
    while True:
        parameters = {"after_id": after_id, "limit": limit, **query}
        answer = client.get("/events", params=parameters)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page
        if len(page) < limit:
            return found
        after_id = page[-1]["id_key"]


def replay(log: list[Object]) -> dict[str, Object]:
    """Return the objects that exist after the events, by their path."""
    objects: dict[str, Object] = {}
    for event in log:
        resource, change = event["resource"], event["type"].partition(".")[2]
        if change == "created":
            assert resource not in objects, event
            objects[resource] = event["data"]
        elif change == "updated":
            assert objects[resource] != event["data"], event
            objects[resource] = event["data"]
        elif change == "deleted":
            del objects[resource]
        else:
            assert objects[resource] == event["data"], event
    return objects


def shown(client: TestClient) -> dict[str, Object]:
    """Return all objects of the shop as lists show them, by their path."""
    lists = [*((resource, {}) for resource in LISTS), ("products", {"archived": True})]
    return {
        f"/{resource}/{one['id_key']}": one
        for resource, query in lists
        for one in client.get(f"/{resource}", params={"limit": 1000, **query}).json()
    }
