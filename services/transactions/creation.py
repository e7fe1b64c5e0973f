"""Creations: one statement on the event loop, and a transaction in a thread only for what that statement refuses."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from infrastructure.exceptions import OutcomeUnknownError, RefusedError
from infrastructure.observability.metrics import metrics
from infrastructure.postgres.pool import Row
from repositories.base_repository_impl import BaseRepository, Changes, Values
from repositories.idempotency_repository import NO_LOCK_TIMEOUT, IdempotencyRepository, Kept, RequestKey
from repositories.queries.statement import Statement
from services.app_context import AppContext
from services.exceptions import ServiceError
from services.rendering import StoredResponse
from services.transactions.audit_log import audited_creation
from services.transactions.error_translation import RETRIED
from services.transactions.unit_of_work import Transactions, Work, replay


@dataclass(frozen=True, slots=True)
class Creation:
    """What a repository's one statement is to make."""

    repository: type[BaseRepository[Any]]
    values: Callable[[], Values]
    """Raises a ServiceError when the caller may not."""
    fields: tuple[str, ...]
    answer: Callable[[list[Row]], StoredResponse]
    """Of what the statement returns."""

    def may_have_changed(self) -> Changes:
        """For a creation of which others know the end, if anybody."""
        with suppress(ServiceError):
            return self.repository.changes_by(self.values(), [])
        return Changes()


class Creations:
    def __init__(self, app_context: AppContext, transactions: Transactions) -> None:
        self._app_context = app_context
        self._transactions = transactions

    async def create(
        self, creation: Creation, work: Work[StoredResponse], request: RequestKey | None
    ) -> StoredResponse:
        """Make it, once for all requests with this key.

        What the statement refuses `work` does, or finds the words for why not. Raises what `values` and `work` raise,
        and DatabaseUnavailableError.
        """
        if made := await self._attempt(creation, request):
            return made
        answer = await self._app_context.database.threads.run(lambda: self._transactions.run_once(work, request))
        if answer.replayed:
            # Whoever gave it first may have died before telling.
            await self._app_context.after_write(creation.may_have_changed())
        return answer

    async def _attempt(self, creation: Creation, request: RequestKey | None) -> StoredResponse | None:
        """The answer, a replay when the key is known; None when the creation is refused."""
        repository = creation.repository
        try:
            values = creation.values()
        except ServiceError:
            if request is None:
                raise
            return None
        statement = repository.creation(values, creation.fields)
        if self._app_context.settings.audits:
            statement = audited_creation(statement)
        try:
            rows, made = await self._created(statement, creation.answer, request)
        except RefusedError as error:
            if isinstance(error.__cause__, RETRIED):
                metrics.transaction_retried()
            return None
        except OutcomeUnknownError:
            await self._app_context.write_in_doubt(repository.changes_by(values, []))
            raise
        if made:
            # Without rows it is a replay: whoever made them may have died before telling.
            await self._app_context.after_write(repository.changes_by(values, rows))
        return made

    async def _created(
        self, statement: Statement, answer: Callable[[list[Row]], StoredResponse], request: RequestKey | None
    ) -> tuple[list[Row], StoredResponse | None]:
        """The rows that it made, and the answer, which is kept in the same transaction when there is a key."""
        writes = self._app_context.database.writes
        if request is None:
            rows = await writes.write(*statement)
            return rows, answer(rows) if rows else None
        async with writes.transaction(f"BEGIN; {NO_LOCK_TIMEOUT}") as transaction:
            if not await transaction.run(*IdempotencyRepository.claiming(request)):
                [kept] = await transaction.run(*IdempotencyRepository.finding(request))
                return [], replay(Kept(*kept), request)
            rows = await transaction.run(*statement)
            if not rows:
                return [], None
            made = answer(rows)
            await transaction.commit(
                *IdempotencyRepository.keeping(request, made.status, made.body.decode(), made.location)
            )
            return rows, made
