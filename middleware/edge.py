"""In front of the router: counts the request and looks for its answer in the cache, both in one trip to Redis.

A hit takes a fraction of what a route costs, and nearly all that a shop serves are hits. Everything else goes on to
the application, which learns nothing of this but what has been looked up in vain.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.http_protocol import WRITE_WHOLE
from config.metrics import metrics
from config.telemetry import redis_span
from middleware.cached_reader import CachedReader, hit_head, hit_headers, unchanged_headers
from middleware.client_address import ClientAddresses
from middleware.rate_limiter import Batch, Headers, RateLimiter
from middleware.request_context import ROUTE
from middleware.whole_answers import CONTEXT_HEAD, STATUS
from services.base_service_impl import matches
from services.cache_service import LOOKED_UP, Lookup

NOTICED = frozenset((b"x-forwarded-for", b"x-real-ip", b"if-none-match", b"content-length", b"transfer-encoding"))
UNCOUNTED = ("/health_check", "/metrics")


class Edge:
    def __init__(
        self, app: ASGIApp, addresses: ClientAddresses, limiter: RateLimiter | None, reader: CachedReader | None
    ) -> None:
        self.app = app
        self._addresses = addresses
        self._limiter = limiter
        self._reader = reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        noticed = _notice(scope["headers"])
        ticket = self._enter(scope, noticed)
        lookup = self._look_up(scope, noticed)
        batch, place = ticket or (None, 0)
        if batch or lookup:
            with redis_span("PIPELINE"):
                while batch and not batch.trip.is_over:
                    await batch.trip.wait()
                if lookup and not lookup.trip.is_over:
                    await lookup.trip.wait()
        if batch and place >= batch.admitted:
            await _answer(send, 429, *batch.refusal())
            return
        if lookup is None or lookup.body is None:
            LOOKED_UP.set(lookup)
            headers = batch.headers(place) if batch else []
            await self.app(scope, receive, _adding(headers, send) if headers else send)
            return
        metrics.cache_hit()
        scope[ROUTE] = lookup.entry.route
        known, write_whole = noticed.get(b"if-none-match"), scope.get(WRITE_WHOLE)
        if known and matches(known.decode("latin-1"), lookup.etag.decode()):
            await _answer(send, 304, unchanged_headers(lookup) + (batch.headers(place) if batch else []), b"")
        elif write_whole:
            scope[STATUS] = 200
            write_whole(hit_head(lookup) + (batch.head(place) if batch else b"") + scope[CONTEXT_HEAD], lookup.body)
        else:
            headers = hit_headers(lookup) + (batch.headers(place) if batch else [])
            await _answer(send, 200, headers, lookup.body)

    def _enter(self, scope: Scope, noticed: dict[bytes, bytes]) -> tuple[Batch, int] | None:
        limiter = self._limiter
        if limiter is None or (scope["path"].startswith(UNCOUNTED) and _is_uncounted(scope["path"])):
            return None
        if scope["method"] == "OPTIONS" and _is_preflight(scope["headers"]):
            return None
        client = scope.get("client")
        peer = client[0] if client else None
        if not noticed:
            return limiter.enter(self._addresses.find(peer))
        forwarded, real_ip = noticed.get(b"x-forwarded-for", b""), noticed.get(b"x-real-ip", b"")
        return limiter.enter(self._addresses.find(peer, forwarded, real_ip))

    def _look_up(self, scope: Scope, noticed: dict[bytes, bytes]) -> Lookup | None:
        """A GET with a body goes to the application, which knows how large it may be."""
        if self._reader is None or scope["method"] != "GET":
            return None
        if noticed and (b"content-length" in noticed or b"transfer-encoding" in noticed):
            return None
        return self._reader.look_up(scope["path"], scope["query_string"])


def _notice(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers that matter here, repeated ones joined as HTTP allows."""
    noticed: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in NOTICED:
            noticed[name] = noticed[name] + b"," + value if name in noticed else value
    return noticed


def _is_uncounted(path: str) -> bool:
    return path in UNCOUNTED or path.startswith(tuple(f"{prefix}/" for prefix in UNCOUNTED))


def _is_preflight(headers: list[tuple[bytes, bytes]]) -> bool:
    return {b"origin", b"access-control-request-method"} <= dict(headers).keys()


def _adding(headers: Headers, send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            # A new one, because the message may be a constant of whoever sends it.
            message = {**message, "headers": [*message.get("headers", ()), *headers]}
        await send(message)

    return send_with_headers


async def _answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
