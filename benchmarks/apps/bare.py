"""The upper limit: an ASGI application that only returns the same bytes. `BODIES` names a JSON file with them."""

import json
import os
from pathlib import Path
from typing import Any

_bodies = {key: body.encode() for key, body in json.loads(Path(os.environ["BODIES"]).read_text()).items()}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    posts = scope["method"] == "POST"
    if posts:
        await receive()
    body = _bodies[f"{scope['method']} {scope['path']}"]
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 201 if posts else 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
