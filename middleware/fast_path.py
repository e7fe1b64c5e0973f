"""In front of the router: counts the request and looks for its answer in the cache, both in one pipeline to Redis.

A hit takes a fraction of what a route costs, and nearly all that a shop serves are hits. Everything else goes on to
the application, which learns nothing of this but what has been looked up in vain.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infrastructure.exceptions import RETRY_AFTER_SECONDS, UNAVAILABLE
from infrastructure.observability.metrics import metrics
from infrastructure.observability.tracing import redis_span
from infrastructure.server.http_protocol import IS_OVERLOADED, WRITE_RAW
from middleware.answers import Headers, answer, json_headers
from middleware.cached_responses import CachedResponses, hit_head, hit_headers, unchanged_headers
from middleware.client_ip import ClientIpResolver
from middleware.rate_limiter import Batch, RateLimiter, Ticket
from middleware.raw_response import CONTEXT_HEAD, STATUS
from middleware.request_context import ROUTE
from services.auth.authenticator import Authenticator
from services.auth.principal import ANONYMOUS, EVERYBODY, PRINCIPAL, Principal
from services.base_service_impl import matches
from services.cache_service import LOOKED_UP, Lookup
from services.exceptions import UnauthorizedError

CREDENTIALS = frozenset((b"authorization", b"x-api-key"))
NOTICED = CREDENTIALS | {b"x-forwarded-for", b"x-real-ip", b"if-none-match", b"content-length", b"transfer-encoding"}
UNCOUNTED = ("/health_check", "/metrics")
LIVENESS = "/health_check/live"  # who has too much to do is alive, and is not to be restarted

TOO_MUCH = b'{"detail":"%b"}' % UNAVAILABLE.encode()
TOO_MUCH_HEADERS = [*json_headers(TOO_MUCH), (b"retry-after", RETRY_AFTER_SECONDS.encode())]

Noticed = dict[bytes, bytes]


class FastPath:
    def __init__(
        self,
        app: ASGIApp,
        addresses: ClientIpResolver,
        limiter: RateLimiter | None,
        reader: CachedResponses | None,
        authentication: Authenticator | None = None,
    ) -> None:
        """Without `authentication` the service is open to everybody."""
        self.app = app
        self._addresses = addresses
        self._limiter = limiter
        self._reader = reader
        self._authentication = authentication
        self._unidentified = ANONYMOUS if authentication else EVERYBODY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if IS_OVERLOADED in scope and scope["path"] != LIVENESS:
            await answer(send, 503, TOO_MUCH_HEADERS, TOO_MUCH)
            return
        noticed = _notice(scope["headers"])
        is_counted = _is_counted(scope)
        ticket = self._enter(scope, noticed) if is_counted else None
        lookup = self._look_up(scope, noticed)
        if ticket or lookup:
            with redis_span("PIPELINE"):
                while ticket and not ticket[0].pipeline.is_done:  # what `arrive` does, without a coroutine
                    await ticket[0].pipeline.wait()
                if lookup and not lookup.pipeline.is_done:
                    await lookup.pipeline.wait()
        principal = self._unidentified
        if self._authentication and noticed and is_counted and not (ticket and ticket[0].refuses(ticket[1])):
            principal, ticket = await self._identify(self._authentication, noticed, ticket)
        batch, place = ticket or (None, 0)
        if batch and batch.refuses(place):
            await answer(send, 429, *batch.refusal())
        elif lookup is None or lookup.body is None or principal.failure:
            LOOKED_UP.set(lookup)
            PRINCIPAL.set(principal)
            headers = batch.headers(place) if batch else []
            await self.app(scope, receive, _adding(headers, send) if headers else send)
        else:
            await _answer_hit(scope, send, noticed, lookup, batch, place)

    async def _identify(
        self, authentication: Authenticator, noticed: Noticed, ticket: Ticket | None
    ) -> tuple[Principal, Ticket | None]:
        """Whoever asks, with a place in a limit of its own. Bad credentials take a second place in the address's."""
        principal = await authentication.identify(noticed.get(b"x-api-key"), noticed.get(b"authorization"))
        if self._limiter is None or ticket is None:
            return principal, ticket
        if isinstance(principal.failure, UnauthorizedError):
            self._limiter.enter(ticket[0].address)
        own = self._limiter.enter(principal.name) if principal.name else None
        if own:
            with redis_span("PIPELINE"):
                await own[0].arrive()
        return principal, own or ticket

    def _enter(self, scope: Scope, noticed: Noticed) -> Ticket | None:
        limiter = self._limiter
        if limiter is None:
            return None
        client = scope.get("client")
        peer = client[0] if client else None
        if not noticed:
            return limiter.enter(self._addresses.find(peer))
        forwarded, real_ip = noticed.get(b"x-forwarded-for", b""), noticed.get(b"x-real-ip", b"")
        return limiter.enter(self._addresses.find(peer, forwarded, real_ip))

    def _look_up(self, scope: Scope, noticed: Noticed) -> Lookup | None:
        """A GET with a body goes to the application, which knows how large it may be."""
        if self._reader is None or scope["method"] != "GET":
            return None
        if noticed and (b"content-length" in noticed or b"transfer-encoding" in noticed):
            return None
        return self._reader.look_up(scope["path"], scope["query_string"])


def _notice(headers: list[tuple[bytes, bytes]]) -> Noticed:
    """The headers that matter here, repeated ones joined as HTTP allows."""
    noticed: Noticed = {}
    for name, value in headers:
        if name in NOTICED:
            noticed[name] = noticed[name] + b"," + value if name in noticed else value
    return noticed


def _is_counted(scope: Scope) -> bool:
    """Whether the limit is for it: not for probes, nor for a browser's preflights."""
    path: str = scope["path"]
    if path.startswith(UNCOUNTED) and (path in UNCOUNTED or path.startswith(tuple(f"{name}/" for name in UNCOUNTED))):
        return False
    return not (scope["method"] == "OPTIONS" and _is_preflight(scope["headers"]))


def _is_preflight(headers: list[tuple[bytes, bytes]]) -> bool:
    return {b"origin", b"access-control-request-method"} <= dict(headers).keys()


async def _answer_hit(
    scope: Scope, send: Send, noticed: Noticed, lookup: Lookup, batch: Batch | None, place: int
) -> None:
    metrics.cache_hit()
    scope[ROUTE] = lookup.entry.route
    known, write_raw = noticed.get(b"if-none-match"), scope.get(WRITE_RAW)
    if known and matches(known.decode("latin-1"), lookup.etag.decode()):
        await answer(send, 304, unchanged_headers(lookup) + (batch.headers(place) if batch else []), b"")
    elif write_raw:
        scope[STATUS] = 200
        write_raw(hit_head(lookup) + (batch.head(place) if batch else b"") + scope[CONTEXT_HEAD], lookup.body)
    else:
        headers = hit_headers(lookup) + (batch.headers(place) if batch else [])
        await answer(send, 200, headers, lookup.body or b"")


def _adding(headers: Headers, send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            # A new one, because the message may be a constant of whoever sends it.
            message = {**message, "headers": [*message.get("headers", ()), *headers]}
        await send(message)

    return send_with_headers
