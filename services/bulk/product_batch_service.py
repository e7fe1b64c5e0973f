"""Batches of products: up to a thousand creations and changes in one transaction and a few statements."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from repositories.bulk.product_rows_repository import ProductRowsRepository
from repositories.system.idempotency_repository import StoredResponse
from schemas.base_schema import to_json
from schemas.bulk.product_batch_schema import ProductBatch
from services.bulk.drafts import Drafts, ItemResult
from services.context.request_context import RequestContext
from services.exceptions import ConflictError, NotAppliedError
from services.product_service import ProductService
from services.rendering import ActionResult
from services.transactions.unit_of_work import TransactionalService, in_worker_thread

Describe = Callable[[Sequence[ItemResult]], list[dict[str, Any]]]

NOT_APPLIED = ItemResult(None, problem=NotAppliedError("Another item failed"))


class ProductBatchService(TransactionalService):
    unique_messages = ProductService.unique_messages

    @in_worker_thread
    def apply(self, context: RequestContext, batch: ProductBatch, describe: Describe) -> ActionResult | StoredResponse:
        """Apply the items in their order, and return their results as `describe` shows them.

        Raises ConflictError with the results if the batch is atomic and an item fails.
        """
        with self.unit_of_work(context) as tx:
            products = ProductRowsRepository(tx)
            if tx.replay:
                results = orjson.loads(tx.replay.body)["results"]
                products.record_change(*(result["id_key"] for result in results if "id_key" in result))
                return tx.replay
            drafts = Drafts(products, batch.items, self.unique_messages["uq_products_sku"])
            results = [drafts.result_of(item) for item in batch.items]
            failed = sum(result.draft is None for result in results)
            if batch.atomic and failed:
                refused = [result if result.problem else NOT_APPLIED for result in results]
                raise ConflictError(f"{failed} of {len(results)} items failed", results=describe(refused))
            drafts.write()
            tx.outcome = applied = ActionResult(to_json({"results": describe(results)}))
            return applied
