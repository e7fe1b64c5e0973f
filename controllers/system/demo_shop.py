"""The button of the start page that fills the shop with demo data. It exists in development only."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from fastapi import Depends, FastAPI
from starlette.responses import StreamingResponse

from controllers.http.dependencies import ADMINS, allow
from schemas.base_schema import to_json
from services.system.demo_shop import fill_demo_shop

PATH = "/demo"


def add_demo_shop(app: FastAPI) -> None:
    @app.post(PATH, dependencies=[Depends(allow(ADMINS))], include_in_schema=False)
    async def fill() -> StreamingResponse:
        """Fill the shop. Each line of the response is JSON: the progress, then the number of rows or the error."""
        return StreamingResponse(_lines(), media_type="application/x-ndjson")


async def _lines() -> AsyncIterator[bytes]:
    async with aclosing(fill_demo_shop()) as progress:
        async for line in progress:
            yield to_json(line) + b"\n"
