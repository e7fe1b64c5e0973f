"""The shop console: one page, whose files `make console` builds from `console/` into `static/console`."""

from string import Template

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.settings import Settings
from controllers.openapi.assets import Asset
from controllers.openapi.static_files import STATIC

PAGE = STATIC / "console/index.html"

# The console's library inserts style elements.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cache-Control": "no-cache",
}


def add_console(app: FastAPI, settings: Settings) -> None:
    """Add `/console`. The page tells its script how callers sign in, and the currency of payments."""
    values = {"auth_mode": settings.auth_mode, "currency": settings.payment_currency}
    page = Asset(Template(PAGE.read_text("utf-8")).substitute(values).encode(), PAGE_HEADERS)

    async def show(request: Request) -> Response:
        if request.scope["raw_path"].endswith(b"/"):
            return RedirectResponse("../console")  # the page's addresses are relative
        return await page.response(request)

    app.add_route("/console", show, include_in_schema=False)
