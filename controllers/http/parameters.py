"""Parameters of an endpoint's signature, read from the request with FastAPI's semantics and error texts."""

import inspect
from collections.abc import Callable
from functools import lru_cache, partial, update_wrapper
from typing import Annotated, Any, NamedTuple
from urllib.parse import parse_qsl

from fastapi import Depends, Path, params
from fastapi.exceptions import RequestValidationError
from pydantic import BeforeValidator, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError
from starlette.requests import Request

from controllers.http.bodies import ABSENT, read_body
from middleware.scope_keys import REQUEST_CONTEXT
from schemas.base_schema import INT64
from services.context.request_context import RequestContext


def request_context(request: Request) -> RequestContext:
    context: RequestContext = request.scope[REQUEST_CONTEXT]
    return context


def _is_whole_number(text: Any) -> Any:
    """Accept digits with an optional minus. Pydantic would also accept `5.0`, ` 5` and `1_000`."""
    if isinstance(text, str) and not (text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()):
        raise PydanticCustomError("int_parsing", "Input should be a valid integer")
    return text


Context = Annotated[RequestContext, Depends(request_context)]
Endpoint = Callable[..., Any]
PathId = Annotated[
    int,
    BeforeValidator(_is_whole_number),
    Path(description="The object's `id_key`.", examples=[1], json_schema_extra=INT64),
]

REMEMBERED_QUERIES = 256
MAX_REMEMBERED_BYTES = 100


class Parameter(NamedTuple):
    """`find` returns the value in the request or its body, or ABSENT.

    `tags` is 1 for a body of several kinds: Pydantic puts the kind in front of the place of an error.
    """

    name: str
    loc: tuple[str, ...]
    find: Callable[[Request, Any], Any]
    validate: Callable[[Any], Any] | None = None
    tags: int = 0


class Parameters:
    def __init__(self, endpoint: Callable[..., Any], max_body_bytes: int) -> None:
        signature = inspect.signature(endpoint, eval_str=True)
        self._parameters = [_parameter(item) for item in signature.parameters.values()]
        self._max_body_bytes = max_body_bytes
        bodies = {parameter.name for parameter in self._parameters if parameter.loc == ("body",)}
        self._takes_body = bool(bodies)
        self._needs_body = any(signature.parameters[name].default is inspect.Parameter.empty for name in bodies)

    async def read(self, request: Request) -> dict[str, Any]:
        """Return the values by name. Absent parameters are left out and keep their defaults.

        Raises RequestValidationError with all errors, and HTTPException for a body above the limit.
        """
        body = await read_body(request, self._max_body_bytes, self._needs_body) if self._takes_body else None
        values: dict[str, Any] = {}
        errors: list[Any] = []
        for name, loc, find, validate, tags in self._parameters:
            try:
                value = find(request, body)
                if value is not ABSENT:
                    values[name] = validate(value) if validate else value
            except ValidationError as error:
                errors += [{**item, "loc": (*loc, *item["loc"][tags:])} for item in error.errors()]
        if errors:
            raise RequestValidationError(errors)
        return values


def _parameter(parameter: Any) -> Parameter:
    name = parameter.name
    if parameter.annotation is Request:
        return Parameter(name, (), lambda request, _: request)
    metadata = getattr(parameter.annotation, "__metadata__", ())
    for item in metadata:
        if isinstance(item, params.Depends):
            return Parameter(name, (), _dependency(item.dependency))
    validate = TypeAdapter(parameter.annotation).validate_python
    for item in metadata:
        if isinstance(item, params.Path):
            return Parameter(name, ("path", name), lambda request, _: request.path_params[name], validate)
        if isinstance(item, params.Query):
            return Parameter(name, ("query",), _query_string, _remembering(validate))
        if isinstance(item, params.Header):
            return Parameter(name, ("header", str(item.alias)), _header(str(item.alias)), validate)
    tags = int(any(getattr(item, "discriminator", None) for item in metadata))
    return Parameter(name, ("body",), lambda _, body: body, validate, tags)


def _dependency(dependency: Any) -> Callable[[Request, Any], Any]:
    return lambda request, _: dependency(request)


def _header(name: str) -> Callable[[Request, Any], Any]:
    return lambda request, _: request.headers.get(name, ABSENT)


def _query_string(request: Request, _: Any) -> bytes:
    query: bytes = request.scope["query_string"]
    return query


def _remembering(validate: Callable[[Any], Any]) -> Callable[[bytes], Any]:
    """Return a function that reads and validates a query string: once, as equal ones may share the frozen result."""

    def read(query: bytes) -> Any:
        return validate(dict(query_pairs(query)))

    remembered = lru_cache(REMEMBERED_QUERIES)(read)
    return lambda query: remembered(query) if len(query) <= MAX_REMEMBERED_BYTES else read(query)


def query_pairs(query: bytes) -> list[tuple[str, str]]:
    """Return the query's parameters. Raises RequestValidationError for invalid UTF-8; Starlette would insert U+FFFD."""
    try:
        return parse_qsl(query.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        item = {"loc": ("query",), "msg": "Input should be UTF-8", "type": "unicode_error"}
        raise RequestValidationError([item]) from error


def typed(endpoint: Endpoint, **annotations: Any) -> Endpoint:
    """Return the endpoint with an entity's types in its signature; FastAPI validates and documents with them."""
    signature = inspect.signature(endpoint, eval_str=True)
    typed_parameters = [
        item.replace(annotation=annotations.get(item.name, item.annotation)) for item in signature.parameters.values()
    ]
    of_entity = update_wrapper(partial(endpoint), endpoint)
    of_entity.__signature__ = signature.replace(parameters=typed_parameters)  # type: ignore[attr-defined] # inspect reads it
    return of_entity
