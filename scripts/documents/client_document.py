"""The API description from which client libraries are generated: `python -m scripts.documents.client_document`.

It describes all that the service can do, whatever the settings of this machine are.
"""

import sys
from typing import Any

from pydantic import SecretStr

from config.settings import Settings
from controllers.openapi.links import operations
from main import create_fastapi_app
from schemas.base_schema import to_json

ALL_FEATURES: dict[str, Any] = {
    "auth_mode": "both",
    "jwt_secret": SecretStr("x" * 32),
    "jwt_issuer": "issuer",
    "jwt_audience": "audience",
    "stripe_api_key": SecretStr("sk_x"),
    "root_path": "",
}


def client_document() -> bytes:
    """Return the document in a form for generators.

    Operations name no credentials, because a service may require none. A body that may be left out is never `null`.
    Files are bytes, whose format is a parameter.
    """
    document = create_fastapi_app(Settings(**ALL_FEATURES)).openapi()
    for _, _, operation in operations(document):
        operation.pop("security", None)
        body = operation.get("requestBody", {})
        if "text/csv" in body.get("content", {}):
            body["content"] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        for content in body.get("content", {}).values():
            choices = [choice for choice in content["schema"].get("anyOf", ()) if choice != {"type": "null"}]
            content["schema"] = choices[0] if len(choices) == 1 else content["schema"]
    return to_json(document)


if __name__ == "__main__":
    sys.stdout.buffer.write(client_document())
