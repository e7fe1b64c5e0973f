"""Counts our files that one request runs through: `python -m scripts.request_files [--list]`.

Servers of its own, the default settings, each request repeated so that caches and connections are warm. Files below
infrastructure/ do not count.
"""

import asyncio
import json
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from starlette.types import ASGIApp, Message

from config.settings import Settings
from infrastructure.embedded.lifecycle import embedded_servers
from migrations.runner import migrate

ROOT = Path(__file__).parent.parent
Body = dict[str, Any]

UNCOUNTED = ("infrastructure", "scripts", ".venv")

CATEGORY: Body = {"name": "Electronics"}
PRODUCT: Body = {"name": "Laptop", "price": 999.99, "stock": 1000, "category_id": 1}
CLIENT: Body = {"name": "John", "lastname": "Doe", "email": "john@example.com"}
CHECKOUT: Body = {
    "client_id": 1,
    "delivery_method": 3,
    "payment_type": "card",
    "items": [{"product_id": 1, "quantity": 1}],
}
NewBody = Callable[[int], Body | None]
MEASURED: tuple[tuple[str, str, str, NewBody], ...] = (
    ("GET /products, cached", "GET", "/products", lambda _: None),
    ("GET /clients/1", "GET", "/clients/1", lambda _: None),
    ("POST /clients", "POST", "/clients", lambda number: CLIENT | {"email": f"john{number}@example.com"}),
    ("POST /orders/checkout", "POST", "/orders/checkout", lambda _: CHECKOUT),
    ("PATCH /orders/1, its own values", "PATCH", "/orders/1", lambda _: {"delivery_method": 3}),
    ("PATCH /orders/1, another value", "PATCH", "/orders/1", lambda number: {"delivery_method": 1 + number % 2}),
)
"""Name, method, path, and the body of the first, second and third repetition."""


class FileRecorder:
    """Profile function that collects the files of executed functions while it is on."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self._is_on = False

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        if self._is_on and event == "call":
            path = Path(frame.f_code.co_filename)
            if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] not in UNCOUNTED:
                self.files.add(str(path.relative_to(ROOT)))

    @contextmanager
    def recording(self) -> Iterator[set[str]]:
        self.files, self._is_on = set(), True
        yield self.files
        self._is_on = False


async def request(app: ASGIApp, method: str, path: str, body: Any) -> int:
    """Send one request to the application and return the status."""
    content, statuses = json.dumps(body).encode() if body else b"", list[int]()

    async def receive() -> Message:
        return {"type": "http.request", "body": content}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [(b"content-length", str(len(content)).encode())] if body else []
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "scheme": "http"}
    await app({**scope, "http_version": "1.1", "headers": headers, "client": ("127.0.0.1", 1)}, receive, send)
    return statuses[0]


async def measure(settings: Settings, recorder: FileRecorder) -> dict[str, list[str]]:
    from main import create_fastapi_app, lifespan  # noqa: PLC0415 # after the profile function is set

    app, results = create_fastapi_app(settings), dict[str, list[str]]()
    async with lifespan(app):
        while not app.state.app_context.redis.is_up:  # noqa: ASYNC110 # nothing else runs meanwhile
            await asyncio.sleep(0.01)
        for path, new in (("/categories", CATEGORY), ("/products", PRODUCT), ("/clients", CLIENT)):
            await request(app, "POST", path, new)
        for name, method, path, new_body in MEASURED:
            for number in range(3):
                with recorder.recording() as files:
                    status = await request(app, method, path, new_body(number))
                if status >= 400:
                    sys.exit(f"{name}: status {status}")
            results[name] = sorted(files)
    return results


def main() -> None:
    recorder = FileRecorder()
    sys.setprofile(recorder)
    threading.setprofile(recorder)
    with tempfile.TemporaryDirectory() as folder:
        own = Settings(
            data_dir=Path(folder), log_to_file=False, log_level="WARNING", postgres_host=None, redis_host=None
        )
        with embedded_servers(own, fast=True) as settings:
            migrate(settings)
            results = asyncio.run(measure(settings, recorder))
    for name, files in results.items():
        sys.stdout.write(f"{len(files):>3}  {name}\n")
        if "--list" in sys.argv:
            sys.stdout.write("".join(f"       {file}\n" for file in files))


if __name__ == "__main__":
    main()
