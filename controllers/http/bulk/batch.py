"""Many products in one request: batches and imports."""

from collections.abc import Sequence
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any

from fastapi import Query
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from controllers.base_controller_impl import BaseController
from controllers.http.bulk.uploads import check_length, receive_file
from controllers.http.exception_handlers import STATUSES
from controllers.http.idempotency import IdempotencyKey
from controllers.http.parameters import Context
from controllers.http.responses import JSON
from repositories.system.idempotency_repository import StoredResponse
from schemas.bulk.export_schema import ExportFormat
from schemas.bulk.product_batch_schema import BatchRefusal, ProductBatch
from schemas.bulk.product_import_schema import ImportedFile, ImportErrors, ImportQuery
from schemas.errors.error_schema import ValidationErrors
from schemas.errors.validation_errors import public_error
from services.bulk.drafts import ItemResult
from services.bulk.product_batch_service import ProductBatchService
from services.bulk.product_import_service import ProductImportService
from services.exceptions import ServiceError
from services.rendering import ActionResult

BATCH_RESPONSES: dict[int | str, dict[str, Any]] = {
    409: {"description": "An item of an atomic batch failed, so nothing has changed", "model": BatchRefusal}
}

IMPORT_RESPONSES: dict[int | str, dict[str, Any]] = {
    422: {
        "description": "Lines of the file are wrong, or parameters or headers are",
        "model": ImportErrors | ValidationErrors,
    }
}
FORMATS: dict[str, ExportFormat] = {
    "": "csv",
    "text/csv": "csv",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
}
IMPORT_BODY = {
    "requestBody": {
        "description": "CSV with a header line, or one JSON object a line.",
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": "id_key,price\r\n1,899.99\r\n"},
            "application/x-ndjson": {"schema": {"type": "string"}, "example": '{"id_key": 1, "price": 899.99}\n'},
        },
    }
}
BYTES_IN_MEMORY = 1024 * 1024


def batch_endpoint(controller: BaseController[Any, Any, Any]) -> Any:
    """Return the endpoint that applies a batch of products."""
    batches = ProductBatchService(controller.app_context)

    async def apply_batch(
        request: Request, context: Context, new: ProductBatch, key: IdempotencyKey = None
    ) -> Response:
        """Create and change up to 1000 products. Each item has a result of its own, as if it were sent alone."""
        keyed = controller.keyed(request, context, new, key)
        return result_response(await batches.apply(keyed, new, describe))

    return apply_batch


def import_endpoint(controller: BaseController[Any, Any, Any]) -> Any:
    """Return the endpoint that imports products from a file."""
    imports, settings = ProductImportService(controller.app_context), controller.app_context.settings

    async def import_file(
        request: Request, context: Context, query: Annotated[ImportQuery, Query()], key: IdempotencyKey = None
    ) -> Response:
        """Create and change products as the lines of a file say, all or none. An exported file changes nothing."""
        form = query.format or _format_of(request.headers.get("content-type", ""))
        check_length(request, settings.max_import_bytes)
        async with imports.slot:
            with SpooledTemporaryFile(BYTES_IN_MEMORY) as file:
                sha256 = await receive_file(request, file, settings.max_import_bytes, settings.import_timeout)
                options = {"dry_run": query.dry_run, "set_stock": query.set_stock}
                identity = ImportedFile(sha256=sha256, format=form, **options)
                keyed = controller.keyed(request, context, identity, key)
                return result_response(await imports.load(keyed, file, form, query))

    return import_file


def _format_of(content_type: str) -> ExportFormat:
    """Return the format of a media type. Raises RequestValidationError for others."""
    form = FORMATS.get(content_type.partition(";")[0].strip().lower())
    if form is None:
        message = "The body needs the Content-Type text/csv or application/x-ndjson, or the parameter format"
        raise RequestValidationError([{"loc": ("header", "Content-Type"), "msg": message, "type": "content_type"}])
    return form


def result_response(outcome: ActionResult | StoredResponse) -> Response:
    """Return 200 without an `ETag`, or the stored response to an earlier request."""
    if isinstance(outcome, ActionResult):
        return Response(outcome.body, 200, media_type=JSON)
    return Response(outcome.body, outcome.status, {"Idempotency-Replayed": "true"}, JSON)


def describe(results: Sequence[ItemResult]) -> list[dict[str, Any]]:
    """Return the results of items as the response shows them."""
    return [_described(result) for result in results]


def _described(result: ItemResult) -> dict[str, Any]:
    draft, problem = result.draft, result.problem
    if draft:
        return {"status": 201 if result.is_new else 200, "id_key": draft.values["id_key"]}
    if isinstance(problem, ServiceError):
        return {"status": STATUSES[type(problem)], "detail": problem.detail}
    errors = problem.errors() if problem else []
    return {"status": 422, "detail": [public_error({**item, "loc": ("body", *item["loc"])}) for item in errors]}
