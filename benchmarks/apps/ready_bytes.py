"""A FastAPI route that returns the same ready-made bytes: the cost of the framework alone."""

import json
import os
from pathlib import Path

from fastapi import FastAPI, Response

_body = json.loads(Path(os.environ["BODIES"]).read_text())["GET /products"].encode()

app = FastAPI()


@app.get("/products")
async def products(skip: int = 0, limit: int = 100) -> Response:
    return Response(_body, media_type="application/json")
