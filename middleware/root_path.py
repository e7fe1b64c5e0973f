"""The path below which a gateway shows the service."""

from starlette.types import ASGIApp, Receive, Scope, Send


def below_root_path(app: ASGIApp, root_path: str) -> ASGIApp:
    """Remove `root_path` from the paths of requests, unless the gateway has done so. Inner layers do not know it."""
    end = len(root_path)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path.startswith(root_path) and path[end : end + 1] in ("", "/"):
            scope["path"] = path[end:] or "/"
        await app(scope, receive, send)

    return serve
