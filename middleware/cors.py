"""CORS for the requests that it is about: those of browsers, which name their origin."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from middleware.raw_response import decline

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
    """Any origin at all is never allowed together with credentials: every page could act for its visitor."""
    for_browsers = CORSMiddleware(
        app,
        allow_origins=origins,
        allow_credentials=ANY not in origins,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=EXPOSED,
    )

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            for name, _ in scope["headers"]:
                if name == b"origin":
                    decline(scope)
                    await for_browsers(scope, receive, send)
                    return
        await app(scope, receive, send)

    return choose


def constant_headers(origins: Sequence[str]) -> Headers:
    """What every answer bears, so that no cache in between gives one origin what was made for another."""
    return () if ANY in origins else ((b"vary", b"Origin"),)
