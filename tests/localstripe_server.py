"""localstripe as a process: with Stripe's idempotency keys, which it lacks, and with faults on request.

`python -m tests.localstripe_server PORT`. `POST /_test/faults` with `[{"path": "/confirm", "when": "after",
"status": 500}]` lets the next request fail whose method and path end so, before or after it takes effect. Without a
status, the connection is cut; with the status 0, the answer never comes.
"""

import asyncio
import json
import sys
from typing import Any

from aiohttp import web
from localstripe import resources, server

faults: list[dict[str, Any]] = []
answers: dict[str, tuple[int, Any]] = {}
requests: list[str] = []


@web.middleware
async def fail_on_request(request: web.Request, handler: Any) -> web.StreamResponse:
    if request.path.startswith("/_test/"):
        unchanged: web.StreamResponse = await handler(request)
        return unchanged
    requests.append(name := f"{request.method} {request.path}")
    fault = next((one for one in faults if name.endswith(one["path"])), None)
    if fault:
        faults.remove(fault)
    if fault and fault["when"] == "before":
        return await _failure(request, fault)
    response = await _answer_once(request, handler)
    return await _failure(request, fault) if fault else response


async def _answer_once(request: web.Request, handler: Any) -> web.StreamResponse:
    """Return the stored answer to a repeated key, as https://docs.stripe.com/api/idempotent_requests says."""
    key = request.headers.get("Idempotency-Key")
    if key in answers:
        status, body = answers[key]
        return web.Response(status=status, body=body, content_type="application/json")
    response: web.Response = await handler(request)
    if key and response.status < 400:
        answers[key] = response.status, response.body
    return response


async def _failure(request: web.Request, fault: dict[str, Any]) -> web.StreamResponse:
    if fault.get("status") == 0:
        await asyncio.sleep(60)
    if fault.get("status"):
        return web.json_response({"error": {"type": "api_error"}}, status=fault["status"])
    assert request.transport
    request.transport.close()
    return web.Response()


async def set_faults(request: web.Request) -> web.Response:
    faults[:] = await request.json()
    return web.Response()


async def seen(request: web.Request) -> web.Response:
    return web.Response(text=json.dumps(requests))


async def charges(request: web.Request) -> web.Response:
    """Return the captured amount less refunds of each charge that was not declined."""
    found = [value for key, value in resources.store.items() if key.startswith("charge:") and value.status != "failed"]
    return web.json_response([[one.amount, one.captured, one.amount_refunded] for one in found])


def main() -> None:
    resources.Store.dump_to_disk = lambda self: None  # one file in /tmp for all processes
    server.app.middlewares.insert(0, fail_on_request)
    server.app.router.add_post("/_test/faults", set_faults)
    server.app.router.add_get("/_test/requests", seen)
    server.app.router.add_get("/_test/charges", charges)
    web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), print=None, handle_signals=True)


if __name__ == "__main__":
    main()
