"""Read routing: reads may use replicas, and a caller's later reads see what its writes have changed."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from middleware.client_ip import ClientIpResolver
from middleware.cors import SAFE_METHODS
from middleware.scope_keys import REQUEST_CONTEXT
from services.context.app_context import AppContext
from services.context.read_routing import CallerReads, note_write


def route_reads(app: ASGIApp, app_context: AppContext, client_ips: ClientIpResolver) -> ASGIApp:
    """Wrap the router of a service with replicas.

    A caller is a principal, or a client address. A write counts for both, because a browser may write with credentials
    and then read public data without them. Whatever the response to a write is, it may have changed something.
    """

    async def with_routing(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        context, address = scope[REQUEST_CONTEXT], client_ips.of_request(scope)
        name = context.principal.name
        if scope["method"] in SAFE_METHODS:
            reads = CallerReads(app_context.database, app_context.cache, name or address)
            scope[REQUEST_CONTEXT] = context._replace(reads=reads)
        else:
            send = _after_noting(app_context, {name or address, address}, send)
        await app(scope, receive, send)

    return with_routing


def _after_noting(app_context: AppContext, callers: set[str], send: Send) -> Send:
    """Note a write before the response begins, and again before a stream ends: its endpoint may commit meanwhile."""
    streams = False

    async def send_after_noting(message: Message) -> None:
        nonlocal streams
        has_more = message.get("more_body", False)
        if message["type"] == "http.response.start" or (streams and not has_more):
            await note_write(app_context.cache, callers)
        streams = has_more
        await send(message)

    return send_after_noting
