"""Two kinds of routes: reads that do without FastAPI's machinery, and writes with a strict reading of JSON.

Both ask first, before anything of the request is read, whether it is for whoever asks.
"""

import inspect
import json
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes

from fastapi import Path
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BeforeValidator, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import request_response

from config.security_headers import KEPT_AND_CHECKED, PERSONAL
from controllers.policies import Policy
from schemas.list_query import ListQuery
from services.audit_trail import WRITE, Write

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def _whole(text: Any) -> Any:
    """Digits only, where pydantic would also take `5.0`, ` 5` and `1_000`. A sign is an integer that does not exist."""
    if isinstance(text, str) and not (text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()):
        raise PydanticCustomError("int_parsing", "Input should be a valid integer")
    return text


PathId = Annotated[int, BeforeValidator(_whole), Path(description="The object's `id_key`.", examples=[1])]
_path_id: TypeAdapter[int] = TypeAdapter(PathId)


class ReadRoute(APIRoute):
    """Calls `endpoint(request, id_key?, query?)` with what its signature names.

    FastAPI documents the signature; solving it as dependencies would cost five times what the rest of a read does.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], *, policy: Policy, **options: Any) -> None:
        self.policy = policy
        super().__init__(path, endpoint, **options)
        self.app = request_response(self.get_route_handler())

    def get_route_handler(self) -> Handler:
        endpoint: Callable[..., Coroutine[Any, Any, Response]] = self.endpoint
        parameters = inspect.signature(endpoint, eval_str=True).parameters
        takes_id, query_model = "id_key" in parameters, _query_model(parameters)
        caching = [KEPT_AND_CHECKED] if self.policy.is_public else PERSONAL

        async def handle(request: Request) -> Response:
            self.policy.check()
            arguments: dict[str, Any] = {}
            if takes_id:
                arguments["id_key"] = _read(("path", "id_key"), _path_id.validate_python, request.path_params["id_key"])
            if query_model:
                arguments["query"] = _read(("query",), query_model.model_validate, _query(request))
            response = await endpoint(request=request, **arguments)
            response.raw_headers.extend(caching)
            return response

        return handle


class JsonRoute(APIRoute):
    """Reads numbers exactly, and takes everything that is no proper JSON for invalid input."""

    def __init__(self, path: str, endpoint: Callable[..., Any], *, policy: Policy, **options: Any) -> None:
        self.policy = policy
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            self.policy.check()
            WRITE.set(Write(request.method, request.url.path, self.status_code or 200))
            return await handle(_StrictRequest(request.scope, request.receive))

        return strictly


class _StrictRequest(Request):
    async def body(self) -> bytes:
        """Raises a 413 once more than the limit has come. The framework's own limit would answer plain text."""
        if not hasattr(self, "_body"):
            limit, size, chunks = self.app.state.resources.settings.max_body_bytes, 0, []
            async for chunk in self.stream():
                size += len(chunk)
                if size > limit:
                    raise HTTPException(413, f"The body is longer than {limit} bytes")
                chunks.append(chunk)
            self._body = b"".join(chunks)
        return self._body

    async def json(self) -> Any:
        try:
            return json.loads((await self.body()).decode(), parse_float=Decimal, parse_constant=_refuse_constant)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError, ArithmeticError) as error:
            raise json.JSONDecodeError(type(error).__name__, "", 0) from error


def _refuse_constant(name: str) -> Any:
    raise json.JSONDecodeError(f"{name} is no JSON", "", 0)


def _query_model(parameters: Any) -> type[ListQuery] | None:
    return parameters["query"].annotation.__origin__ if "query" in parameters else None


def _query(request: Request) -> dict[str, str]:
    """The parameters; what is no UTF-8 is refused, where the framework would put U+FFFD in its place."""
    try:
        unquote_to_bytes(request.scope["query_string"]).decode()
    except UnicodeDecodeError as error:
        item = {"loc": ("query",), "msg": "Input should be UTF-8", "type": "unicode_error"}
        raise RequestValidationError([item]) from error
    return dict(request.query_params)


def _read(loc: tuple[str, ...], validate: Callable[[Any], Any], value: Any) -> Any:
    try:
        return validate(value)
    except ValidationError as error:
        raise RequestValidationError([{**item, "loc": (*loc, *item["loc"])} for item in error.errors()]) from error
