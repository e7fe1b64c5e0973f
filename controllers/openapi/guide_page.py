"""The guide at `/guide`: the documents with a search, if `make docs` has built them."""

import asyncio
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from fastapi import FastAPI
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from controllers.openapi.assets import IMMUTABLE

SITE = Path(__file__).parents[2] / "site"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_has_hash = re.compile(r"assets/.+\.[0-9a-f]{8}\.min\.(css|js)").fullmatch
_inline_scripts = re.compile(rb"<script>(.*?)</script>", re.DOTALL).findall


def add_guide(app: FastAPI) -> None:
    """Add `/guide` if the guide has been built. One that is built later needs a restart."""
    if (SITE / "index.html").exists():
        app.mount("/guide", GuideFiles(directory=SITE), name="guide")


class GuideFiles(StaticFiles):
    """Files that browsers revalidate at each use, except those whose names contain a hash of their contents.

    A 304 has the policy too, because it replaces that of the 200.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        if path == ".":
            return RedirectResponse("index.html" if scope["raw_path"].endswith(b"/") else "guide/index.html")
        response = await super().get_response(path, scope)
        # Every request counts for the limit, and a page needs four of these files.
        response.headers["Cache-Control"] = IMMUTABLE if _has_hash(path) else "no-cache"
        if path.endswith(".html"):
            response.headers["Content-Security-Policy"] = await asyncio.to_thread(self._policy, path)
        return response

    def _policy(self, path: str) -> str:
        """Return the policy of a page, which admits its inline scripts by their hashes."""
        file, _ = self.lookup_path(path)
        hashes = {b64encode(sha256(script).digest()).decode() for script in _inline_scripts(Path(file).read_bytes())}
        return CONTENT_SECURITY_POLICY.format(scripts=" ".join(f"'sha256-{one}'" for one in sorted(hashes)))
