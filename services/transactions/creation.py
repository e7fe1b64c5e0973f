"""Creation of an object by one statement on the event loop.

If the statement refuses, a unit of work in a worker thread runs it again and explains the refusal.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from infrastructure.exceptions import OutcomeUnknownError, RefusedError
from infrastructure.observability.metrics import metrics
from repositories.base_repository_impl import BaseRepository, Record
from repositories.statements.statement import InsertStatement
from repositories.system.idempotency_repository import (
    NO_LOCK_TIMEOUT,
    IdempotencyRepository,
    StoredRequest,
    StoredResponse,
)
from repositories.transaction import Changes, Transaction, Values
from services.caching.registry import CACHED_TABLES
from services.context.app_context import AppContext
from services.context.request_context import RequestContext
from services.exceptions import ServiceError, UnexplainedRefusalError
from services.rendering import Created
from services.rules.stock import warn_of_low_stock
from services.transactions.audit_log import insert_with_entry
from services.transactions.error_translation import CONFLICTS
from services.transactions.idempotency import replay_of
from services.transactions.unit_of_work import TransactionalService, in_worker_thread

Outcome = Created | StoredResponse

MAX_ATTEMPTS = 5
"""Attempts of a statement that refuses without a reason. The reason may disappear between statement and explanation,
because another transaction changes the data, but not so often in a row."""


@dataclass(frozen=True, slots=True)
class Creation:
    """A use case that one statement carries out.

    `values` returns the statement's parameters, or raises ServiceError if the caller may not create the object.
    `render` turns the returned rows into the result. `explain` raises the reason of a refusal, or returns without one.
    """

    repository: type[BaseRepository[Any]]
    fields: tuple[str, ...]
    values: Callable[[], Values]
    render: Callable[[Sequence[Record]], Created]
    explain: Callable[[Transaction, Values], None]

    def possible_changes(self) -> Changes:
        """Return all changes that an earlier request with these values may have made."""
        with suppress(ServiceError):
            return self.repository.changes_by_insert(self.values(), [])
        return Changes()


class CreatingService(TransactionalService):
    async def create(self, context: RequestContext, creation: Creation) -> Outcome:
        """Create the object, once for all requests with this idempotency key: repeats return the stored response.

        Raises the errors of `values` and `explain`, a ServiceError of the database, or DatabaseUnavailableError.
        """
        return await self._create_by_statement(context, creation) or await self._create_in_thread(context, creation)

    async def _create_by_statement(self, context: RequestContext, creation: Creation) -> Outcome | None:
        """Return None if the creation is refused."""
        app, repository = self.app_context, creation.repository
        try:
            values = creation.values()
        except ServiceError:
            if context.idempotent is None:
                raise
            return None
        if not repository.are_storable(values):
            return None
        possible = repository.changes_by_insert(values, [])
        try:
            insert = repository.insert_statement(values, creation.fields)
            contended = [(table, id_key) for table, id_keys in possible.rows.items() for id_key in id_keys]
            # Before a connection is taken: no writer that has one, or a claimed key, waits for this lock.
            async with app.database.row_locks.hold(contended):
                outcome, records = await _run(app, context, creation, insert)
            changes = repository.changes_by_insert(values, records) if outcome else Changes()
            if not CACHED_TABLES.isdisjoint(changes.rows):
                # Also after a replay: the worker that created the object may have died before it dropped the stamps.
                await app.cache.invalidate(changes.rows)
        except RefusedError as error:
            if isinstance(error.__cause__, CONFLICTS):
                metrics.transaction_retried()
            return None
        except (OutcomeUnknownError, asyncio.CancelledError):
            # A worker that stops cancels the requests that take too long. Their statements may still be carried out.
            app.in_doubt.add(possible.rows)
            await app.cache.invalidate(possible.rows)
            raise
        if changes.stock:
            warn_of_low_stock(changes.stock, app.settings.low_stock_threshold)
        return outcome

    @in_worker_thread
    def _create_in_thread(self, context: RequestContext, creation: Creation) -> Outcome:
        with self.unit_of_work(context) as tx:
            if tx.replay:
                tx.changes.add(creation.possible_changes())
                return tx.replay
            values = creation.values()
            for _ in range(MAX_ATTEMPTS):
                if records := creation.repository(tx).insert(values, creation.fields):
                    tx.outcome = created = creation.render(records)
                    return created
                creation.explain(tx, values)
            raise UnexplainedRefusalError(
                f"{creation.repository.__name__}.insert_statement refuses, but {creation.explain.__qualname__} "
                "finds no reason: the rules in both places differ"
            )


async def _run(
    app: AppContext, context: RequestContext, creation: Creation, insert: InsertStatement
) -> tuple[Outcome | None, list[Record]]:
    """Run the statement and return its result with the new rows; None and no rows if it refuses."""
    writes = app.database.writes
    statement = insert_with_entry(insert, context, context.audited) if context.audited else insert.compose()
    if context.idempotent is None:
        return _result(creation, insert, await writes.write(*statement))
    key, encode = context.idempotent
    # Known before the response except for a new client. Writing it later would write the row's index entries again.
    key = key._replace(client_id=insert.parameters.get("client_id", key.client_id))
    async with writes.transaction(f"BEGIN; {NO_LOCK_TIMEOUT}") as transaction:
        if not await transaction.run(*IdempotencyRepository.claim_statement(key)):
            [row] = await transaction.run(*IdempotencyRepository.find_statement(key))
            return replay_of(StoredRequest(*row), key), []
        created, records = _result(creation, insert, await transaction.run(*statement))
        if created and (response := encode(created)):
            await transaction.commit(*IdempotencyRepository.store_statement(key, response))
        return created, records


def _result(
    creation: Creation, insert: InsertStatement, rows: list[tuple[Any, ...]]
) -> tuple[Created | None, list[Record]]:
    records = [dict(zip(insert.columns, row, strict=True)) for row in rows]
    return creation.render(records) if records else None, records
