"""The page at `/` for browsers: health, links, access, and a demo shop. Other clients are redirected to `/docs`."""

from collections.abc import Iterator
from functools import cache
from html import escape

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.settings import Settings
from controllers.openapi.assets import Asset
from controllers.openapi.static_files import FAVICON, address
from controllers.system.demo_shop import PATH as DEMO_PATH
from infrastructure.server.development import is_development

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
    "Vary": "Accept",
}
PAGES = {
    "/console": ("Shop console", "Look at the shop and change it: products, stock, orders, payments."),
    "/docs": ("Swagger UI", "Every operation with an example that you can run."),
    "/redoc": ("ReDoc", "The same description to read."),
    "/guide": ("Guide", "How to use, run and change this service."),
    "/openapi.json": ("OpenAPI document", "For code generators and other tools."),
    "/metrics": ("Metrics", "For Prometheus."),
}
KEY, TOKEN = "an API key (<code>X-API-Key</code>)", "a token (<code>Authorization: Bearer</code>)"
CALLERS = {"api_key": KEY, "jwt": TOKEN, "both": f"{KEY} or {TOKEN}"}


def add_start_page(app: FastAPI, settings: Settings) -> None:
    @cache
    def page() -> Asset:  # made at its first request, when all pages are there
        paths = {getattr(route, "path", None) for route in app.routes}
        return Asset(_html(settings, [path for path in PAGES if path in paths]).encode(), HEADERS)

    async def start(request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return await page().response(request)
        return RedirectResponse(f"{settings.root_path}/docs", headers={"Vary": "Accept"})

    app.add_route("/", start, include_in_schema=False)


def _html(settings: Settings, paths: list[str]) -> str:
    root = settings.root_path
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>E-commerce REST API</title>
<link rel="icon" href="{address(FAVICON, root)}">
<link rel="stylesheet" href="{address("start.css", root)}">
</head>
<body data-root="{escape(root)}">
<main>
<h1>E-commerce REST API</h1>
<p class="lead">Products, stock, clients, orders, bills and payments of a shop. Stock is never oversold, an order is
complete or absent, and no retry buys twice.</p>
<section aria-labelledby="health">
<h2 id="health">Health</h2>
<p id="state" role="status">See <a href="{root}/health_check">the health check</a>.</p>
<ul id="checks"></ul>
</section>
<nav aria-label="Pages">
<ul class="cards">
{"".join(_card(root + path, *PAGES[path]) for path in paths)}</ul>
</nav>
<section aria-labelledby="access">
<h2 id="access">Access</h2>
{"".join(f"<p>{line}</p>" for line in _access(settings))}
</section>
<section aria-labelledby="demo">
<h2 id="demo">Demo shop</h2>
{"".join(_demo(settings))}
</section>
</main>
<script src="{address("start.js", root)}"></script>
</body>
</html>
"""


def _card(link: str, name: str, text: str) -> str:
    return f'<li><a href="{link}"><strong>{name}</strong><span>{text}</span></a></li>\n'


def _access(settings: Settings) -> Iterator[str]:
    if settings.auth_mode == "none":
        yield (
            "<strong>Open.</strong> Everybody who reaches this address can read and change all data. "
            "<code>AUTH_MODE=api_key</code> requires keys."
        )
        return
    callers = CALLERS[settings.auth_mode]
    yield f"<strong>Closed.</strong> Requests need {callers}. Products, categories and reviews are public."
    if settings.takes_api_keys:
        yield "<code>make api-key role=admin</code> creates a key."


def _demo(settings: Settings) -> Iterator[str]:
    yield '<p id="shop">A thousand products with clients and orders. The examples in Swagger UI use them.</p>'
    if is_development() and settings.auth_mode == "none":
        yield f'<p><button id="fill" data-path="{settings.root_path}{DEMO_PATH}">Fill the shop</button></p>'
        yield '<progress id="progress" aria-label="Demo shop" hidden></progress><p id="step" role="status"></p>'
    else:
        yield "<p><code>make demo</code> adds them to the database of this service.</p>"
