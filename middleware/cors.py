"""CORS for requests with an `Origin` header; other requests never reach this layer."""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from middleware.raw_response import decline_raw_response, json_headers, send_response

ConstantHeaders = tuple[tuple[bytes, bytes], ...]

ANY = "*"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_REFUSAL = b'{"detail":"This origin may not change data"}'
EXPOSED = (
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "Retry-After",
    "X-Cache-Hit",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-ID",
    "X-Safe-Since",
    "X-Total-Count",
)


def cors_middleware(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """Wrap `app` for requests from browsers.

    Credentials are never allowed together with any origin: every page could act for its visitor.
    """
    with_cors = CORSMiddleware(
        app,
        allow_origins=origins,
        allow_credentials=ANY not in origins,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=EXPOSED,
    )

    async def answer_browser(scope: Scope, receive: Receive, send: Send) -> None:
        decline_raw_response(scope)
        if ANY not in origins and scope["method"] not in SAFE_METHODS and _is_foreign(scope, origins):
            await send_response(send, 403, json_headers(_REFUSAL), _REFUSAL)
        else:
            await with_cors(scope, receive, send)

    return answer_browser


def _is_foreign(scope: Scope, origins: Sequence[str]) -> bool:
    """Return True if a page of an unlisted origin, other than the service's own, sends the request.

    Without this check a browser hides the response from the page, but the write has happened.
    """
    headers = Headers(scope=scope)
    origin = headers["origin"]
    return origin not in origins and origin.partition("://")[2] != headers.get("host")


def constant_headers(origins: Sequence[str], *, compresses: bool) -> ConstantHeaders:
    """Return headers for every response, so that no cache gives one client the response to another."""
    varying = ["Accept-Encoding"] * compresses + ["Origin"] * (ANY not in origins)
    return ((b"vary", ", ".join(varying).encode()),) if varying else ()
