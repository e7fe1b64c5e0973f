"""A transaction of a few statements on the event loop, each of them one trip."""

from collections.abc import Awaitable, Callable

import psycopg2
from psycopg2 import errors, extensions

from infrastructure.exceptions import DatabaseUnavailableError, OutcomeUnknownError, RefusedError
from infrastructure.observability.tracing import sql_span
from infrastructure.postgres.connection import AsyncConnection, Parameters, Row
from infrastructure.postgres.timeouts import NoAnswerError

# Not among psycopg2's OperationalErrors: the server is a standby, or has ended a transaction that took too long.
CONNECTION_UNUSABLE = (errors.ReadOnlySqlTransaction, errors.IdleInTransactionSessionTimeout, errors.TransactionTimeout)
CONNECTION_LOST = (psycopg2.OperationalError, psycopg2.InterfaceError, *CONNECTION_UNUSABLE)
REFUSALS = (psycopg2.IntegrityError, psycopg2.DataError, extensions.TransactionRollbackError)
# After these the connection is as good as before, and nothing has been done.
CONNECTION_SURVIVES = (*REFUSALS, extensions.QueryCanceledError, errors.LockNotAvailable)
# Than the one that prepared the statement, as behind PgBouncer.
OTHER_CONNECTION = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)
# Or a migration has changed a column's type since.
NOT_PREPARED = (*OTHER_CONNECTION, errors.FeatureNotSupported)

Send = Callable[[AsyncConnection, str, Parameters, bool, str], Awaitable[list[Row]]]


class AsyncTransaction:
    """Begins with the first statement, and has happened when `commit` has returned.

    Raises RefusedError when the data do not allow a statement, or the connection was lost before the commit was sent:
    nothing has been done. OutcomeUnknownError when it was lost after that, DatabaseUnavailableError as `write` does.
    """

    def __init__(self, connection: AsyncConnection, send: Send, begin: str) -> None:
        self.connection, self._send, self._begin = connection, send, begin
        self.is_open = False
        """Whether something is left to undo."""
        self.is_lost = False

    async def run(self, sql: str, parameters: Parameters, is_prepared: bool = False) -> list[Row]:
        form = "{}" if self.is_open else f"{self._begin}; {{}}"
        self.is_open = True
        return await self._step(sql, parameters, is_prepared, form)

    async def commit(self, sql: str, parameters: Parameters, is_prepared: bool = False) -> None:
        """With a last statement, in the same trip."""
        await self._step(sql, parameters, is_prepared, "{}; COMMIT")
        self.is_open = False

    async def roll_back(self) -> None:
        await self._step("ROLLBACK", {}, False, "{}")
        self.is_open = False

    async def _step(self, sql: str, parameters: Parameters, is_prepared: bool, form: str) -> list[Row]:
        try:
            with sql_span(sql):
                return await self._send(self.connection, sql, parameters, is_prepared, form)
        except REFUSALS as error:
            raise RefusedError(str(error).strip()) from error
        except CONNECTION_SURVIVES as error:
            raise DatabaseUnavailableError(str(error).strip()) from error
        except BaseException as error:
            self.is_lost = True
            if isinstance(error, CONNECTION_LOST) and "COMMIT" in form:
                raise OutcomeUnknownError(str(error).strip()) from error
            if isinstance(error, NoAnswerError):
                raise DatabaseUnavailableError(str(error).strip()) from error
            if isinstance(error, (*CONNECTION_LOST, *NOT_PREPARED)):
                raise RefusedError(str(error).strip()) from error
            raise
