"""Transaction of a few statements on the event loop, one round trip for each statement."""

from collections.abc import Awaitable
from typing import NamedTuple, Protocol

import psycopg2
from psycopg2 import errors, extensions

from infrastructure.exceptions import DatabaseUnavailableError, OutcomeUnknownError, RefusedError
from infrastructure.observability.tracing import sql_span
from infrastructure.postgres.availability.outage_log import OutageLog
from infrastructure.postgres.connection import AsyncConnection, Parameters, Row
from infrastructure.postgres.timeouts import NoAnswerError

# The server is a standby, or has ended a transaction that took too long. psycopg2 does not derive these from
# OperationalError.
CONNECTION_UNUSABLE = (errors.ReadOnlySqlTransaction, errors.IdleInTransactionSessionTimeout, errors.TransactionTimeout)
CONNECTION_LOST = (psycopg2.OperationalError, psycopg2.InterfaceError, *CONNECTION_UNUSABLE)
REFUSALS = (psycopg2.IntegrityError, psycopg2.DataError, extensions.TransactionRollbackError)
# The statement has done nothing and the connection can be used again.
CONNECTION_SURVIVES = (*REFUSALS, extensions.QueryCanceledError, errors.LockNotAvailable)
# PgBouncer has run a statement on another connection than the one that prepared it.
OTHER_CONNECTION = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)
# PostgreSQL raises FeatureNotSupported after a migration has changed the type of a returned column.
NOT_PREPARED = (*OTHER_CONNECTION, errors.FeatureNotSupported)


class TransactionControl(NamedTuple):
    """SQL for starting or ending a transaction in the same round trip as a statement."""

    prefix: str = ""
    suffix: str = ""
    is_commit: bool = False

    def wrap(self, sql: str) -> str:
        """Add the prefix and the suffix to a statement."""
        return f"{self.prefix}{sql}{self.suffix}"


STATEMENT_ONLY = TransactionControl()
COMMIT_AFTER = TransactionControl(suffix="; COMMIT", is_commit=True)


class Send(Protocol):
    """Function that sends one statement over a connection and returns its rows."""

    def __call__(
        self,
        connection: AsyncConnection,
        sql: str,
        parameters: Parameters,
        is_prepared: bool,
        control: TransactionControl = STATEMENT_ONLY,
    ) -> Awaitable[list[Row]]: ...


class AsyncTransaction:
    """Transaction that begins with its first statement and is complete when `commit` has returned.

    All methods raise RefusedError when the data do not allow a statement, or when the connection was lost before the
    commit was sent: nothing has been stored. They raise OutcomeUnknownError when the connection was lost after that,
    and DatabaseUnavailableError when a lock was not granted or the server did not answer in time.
    """

    def __init__(self, connection: AsyncConnection, send: Send, begin: str, outages: OutageLog) -> None:
        self.connection, self._send, self._outages = connection, send, outages
        self._begin = TransactionControl(prefix=f"{begin}; ")
        self.is_open = False
        """Whether a transaction has to be rolled back."""
        self.is_lost = False
        """Whether the connection must not be used again."""

    async def run(self, sql: str, parameters: Parameters, is_prepared: bool = False) -> list[Row]:
        """Run a statement and return its rows. The first one begins the transaction in the same round trip."""
        control = STATEMENT_ONLY if self.is_open else self._begin
        self.is_open = True
        return await self._step(sql, parameters, is_prepared, control)

    async def commit(self, sql: str, parameters: Parameters, is_prepared: bool = False) -> None:
        """Run the last statement and commit in the same round trip."""
        await self._step(sql, parameters, is_prepared, COMMIT_AFTER)
        self.is_open = False

    async def roll_back(self) -> None:
        """Undo the transaction."""
        await self._step("ROLLBACK", {}, False, STATEMENT_ONLY)
        self.is_open = False

    async def _step(
        self, sql: str, parameters: Parameters, is_prepared: bool, control: TransactionControl
    ) -> list[Row]:
        try:
            with sql_span(sql):
                return await self._send(self.connection, sql, parameters, is_prepared, control)
        except REFUSALS as error:
            raise RefusedError(str(error).strip()) from error
        except CONNECTION_SURVIVES as error:
            raise DatabaseUnavailableError(str(error).strip()) from error
        except BaseException as error:
            self.is_lost = True
            if isinstance(error, CONNECTION_LOST):
                self._outages.statement_failed(error)
            if isinstance(error, CONNECTION_LOST) and control.is_commit:
                raise OutcomeUnknownError(str(error).strip()) from error
            if isinstance(error, NoAnswerError):
                raise DatabaseUnavailableError(str(error).strip()) from error
            if isinstance(error, (*CONNECTION_LOST, *NOT_PREPARED)):
                raise RefusedError(str(error).strip()) from error
            raise
