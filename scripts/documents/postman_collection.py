"""Collection of all requests for Postman and Bruno: `python -m scripts.documents.postman_collection`.

Format: https://schema.getpostman.com/json/collection/v2.1.0/collection.json
"""

import json
import sys
from typing import Any

from controllers.openapi.links import Json, operations
from scripts.documents.client_document import client_document

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
VARIABLES = {"url": "http://127.0.0.1:8000", "api_key": ""}
VALUES = {"Idempotency-Key": "{{$guid}}", "If-Match": "*"}
"""Headers to send if a user switches them on."""


def postman_collection(document: Json) -> Json:
    """Return the requests of the document with their examples, in a folder for each tag."""
    folders = {tag["name"]: {**tag, "item": []} for tag in document["tags"]}
    for path, method, operation in operations(document):
        request = {
            "method": method.upper(),
            "description": operation["description"],
            "url": _url(path, operation["parameters"]),
            "header": [_disabled(item) for item in operation["parameters"] if item["in"] == "header"],
        }
        if body := operation.get("requestBody", {}).get("content", {}).get("application/json"):
            request["header"].append({"key": "Content-Type", "value": "application/json"})
            request["body"] = {"mode": "raw", "raw": json.dumps(_example(body), indent=2)}
        folders[operation["tags"][0]]["item"].append({"name": operation["summary"], "request": request})
    return {
        "info": {"name": document["info"]["title"], "description": document["info"]["description"], "schema": SCHEMA},
        "variable": [{"key": key, "value": value} for key, value in VARIABLES.items()],
        "auth": {
            "type": "apikey",
            "apikey": [
                {"key": key, "value": value, "type": "string"}
                for key, value in (("key", "X-API-Key"), ("value", "{{api_key}}"), ("in", "header"))
            ],
        },
        "item": list(folders.values()),
    }


def _url(path: str, parameters: list[Json]) -> Json:
    parts = [f":{part[1:-1]}" if part.startswith("{") else part for part in path.strip("/").split("/")]
    ids = [item for item in parameters if item["in"] == "path"]
    return {
        "raw": f"{{{{url}}}}/{'/'.join(parts)}",
        "host": ["{{url}}"],
        "path": parts,
        "query": [_disabled(item) for item in parameters if item["in"] == "query"],
        "variable": [{"key": item["name"], "value": str(item["example"])} for item in ids],
    }


def _disabled(parameter: Json) -> Json:
    """Return a parameter that is not sent until a user switches it on."""
    value = VALUES.get(parameter["name"], parameter["schema"].get("default", ""))
    shown = value if isinstance(value, str) else json.dumps(value)
    return {"key": parameter["name"], "value": shown, "description": parameter["description"], "disabled": True}


def _example(body: Json) -> Any:
    return next(iter(body["examples"].values()))["value"] if "examples" in body else body["example"]


def render() -> str:
    collection = postman_collection(json.loads(client_document()))
    return f"{json.dumps(collection, indent=1, ensure_ascii=False)}\n"


if __name__ == "__main__":
    sys.stdout.write(render())
