"""The document `/openapi.json` of a service with default settings, for generators of clients. Needs no server.

python -m scripts.openapi_document > openapi.json
python -m scripts.openapi_document sha256
"""

import sys
from hashlib import sha256

from config.settings import Settings
from main import create_fastapi_app
from schemas.base_schema import to_json


def openapi_document() -> bytes:
    """Return the document, independent of the environment and of `.env`."""
    return to_json(create_fastapi_app(Settings.model_construct()).openapi())


def openapi_digest() -> str:
    """Return the document's SHA-256. Generated clients record it."""
    return sha256(openapi_document()).hexdigest()


if __name__ == "__main__":
    if sys.argv[1:] == ["sha256"]:
        sys.stdout.write(f"{openapi_digest()}\n")
    else:
        sys.stdout.buffer.write(openapi_document())
