"""A transport that repeats requests which have had no effect, or whose repetition has none."""

import asyncio
import random
import time
import uuid

import httpx2 as httpx

ATTEMPTS = 5
BASE_SECONDS = 0.2
LONGEST_WAIT = 60.0
SAFE = ("GET", "HEAD")


class RetryTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Repeats requests after 429, and after 503 and lost connections if a repetition cannot act twice.

    Each POST gets an `Idempotency-Key`, so that its repetition returns the first response.
    """

    def __init__(
        self, *, threads: httpx.BaseTransport, tasks: httpx.AsyncBaseTransport, attempts: int = ATTEMPTS
    ) -> None:
        self._threads, self._tasks, self._attempts = threads, tasks, attempts

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        add_key(request)
        for attempt in range(1, self._attempts):
            try:
                response = self._threads.handle_request(request)
            except httpx.TransportError:
                if not is_repeatable(request):
                    raise
                time.sleep(pause(attempt))
                continue
            if not is_refused(request, response.status_code):
                return response
            response.close()
            time.sleep(pause(attempt, response))
        return self._threads.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        add_key(request)
        for attempt in range(1, self._attempts):
            try:
                response = await self._tasks.handle_async_request(request)
            except httpx.TransportError:
                if not is_repeatable(request):
                    raise
                await asyncio.sleep(pause(attempt))
                continue
            if not is_refused(request, response.status_code):
                return response
            await response.aclose()
            await asyncio.sleep(pause(attempt, response))
        return await self._tasks.handle_async_request(request)

    def close(self) -> None:
        self._threads.close()

    async def aclose(self) -> None:
        await self._tasks.aclose()


def add_key(request: httpx.Request) -> None:
    if request.method == "POST":
        request.headers.setdefault("Idempotency-Key", str(uuid.uuid4()))


def is_repeatable(request: httpx.Request) -> bool:
    return request.method in SAFE or "Idempotency-Key" in request.headers


def is_refused(request: httpx.Request, status: int) -> bool:
    """Return True if the request may be repeated. After 429 nothing has happened, after 503 nobody knows."""
    return status == 429 or (status == 503 and is_repeatable(request))


def pause(attempt: int, response: httpx.Response | None = None) -> float:
    """Return the seconds to wait: those that the service asks for, otherwise more after each attempt."""
    asked = response.headers.get("Retry-After", "") if response else ""
    if asked.isdigit():
        return min(float(asked), LONGEST_WAIT)
    return BASE_SECONDS * 2.0**attempt * random.uniform(0.5, 1)
