"""Swagger UI and ReDoc, served from the application's own files, so they work offline."""

from collections.abc import Awaitable, Callable
from functools import cache
from html import escape

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from controllers.http.responses import JSON
from controllers.openapi.assets import Asset, VersionedFiles
from controllers.openapi.schema import complete_description
from controllers.openapi.static_files import FAVICON, STATIC, address
from schemas.base_schema import to_json

SWAGGER_UI = ("swagger-ui/swagger-ui.css", "docs.css", "swagger-ui/swagger-ui-bundle.js", "docs.js")
REDOC = ("redoc.css", "redoc/redoc.standalone.js", "redoc.js")

# Both pages insert style elements and data: images. ReDoc starts its search worker from a blob.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cache-Control": "no-cache",
}


def add_documentation(app: FastAPI) -> None:
    """Add `/openapi.json`, `/docs`, `/redoc` and their files under `/static`."""

    complete_description(app)

    @cache
    def description() -> Asset:  # made at its first request, so that the start does not wait for it
        return Asset(to_json(app.openapi()), {"Content-Type": JSON})

    async def describe(request: Request) -> Response:
        return await description().response(request)

    app.add_route("/openapi.json", describe, include_in_schema=False)
    app.add_route("/docs", _page(f"{app.title} - Swagger UI", SWAGGER_UI), include_in_schema=False)
    app.add_route("/redoc", _page(f"{app.title} - ReDoc", REDOC), include_in_schema=False)
    app.mount("/static", VersionedFiles(STATIC), name="static")


def _page(title: str, files: tuple[str, ...]) -> Callable[[Request], Awaitable[Response]]:
    html = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="{address(FAVICON)}">
{"".join(f'<link rel="stylesheet" href="{address(file)}">' for file in files if file.endswith(".css"))}
</head>
<body>
<div id="documentation"></div>
<noscript>This page needs JavaScript. The description itself is at <a href="openapi.json">openapi.json</a>.</noscript>
{"".join(f'<script src="{address(file)}"></script>' for file in files if file.endswith(".js"))}
</body>
</html>
"""

    return Asset(html.encode(), PAGE_HEADERS).response
