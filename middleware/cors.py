"""CORS for requests with an `Origin` header; other requests never reach this layer."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from middleware.raw_response import decline_raw_response

Headers = tuple[tuple[bytes, bytes], ...]

ANY = "*"
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
        await with_cors(scope, receive, send)

    return answer_browser


def constant_headers(origins: Sequence[str]) -> Headers:
    """Return headers for every response, so that no cache gives one origin the response to another."""
    return () if ANY in origins else ((b"vary", b"Origin"),)
