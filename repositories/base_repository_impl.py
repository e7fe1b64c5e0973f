"""The SQL that every entity needs. A repository flushes and never commits; it records the rows that it changes."""

from collections.abc import Iterable
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import ColumnElement, CursorResult, select

from models.base_model import BaseModel
from repositories.queries.list_query import list_statement
from repositories.statements.insert import insert_sql
from repositories.statements.statement import ClientKey, InsertStatement, OwnerFilter, Statement, one_statement
from repositories.transaction import Attempt, Changes, Transaction, Values
from schemas.base_schema import is_storable_key
from schemas.list_query import ListQuery

Model = TypeVar("Model", bound=BaseModel)
Record = dict[str, Any]
"""A row with its columns by name."""


class BaseRepository(Generic[Model]):
    model: ClassVar[type[BaseModel]]

    def __init__(self, tx: Transaction) -> None:
        self.tx, self.session = tx, tx.session

    @classmethod
    def page(cls, query: ListQuery, fields: tuple[str, ...], client_id: int | None = None) -> Statement:
        """Return the statement that reads one page of `fields`, of all rows or of one client's."""
        return list_statement(cls.model, query, fields, _narrow(cls.owner_filter, client_id), client_id)

    @classmethod
    def total(cls, query: ListQuery, client_id: int | None = None) -> Statement:
        """Return the statement that counts the rows that pass the query's filters."""
        return list_statement(cls.model, query, None, _narrow(cls.owner_filter, client_id), client_id)

    @classmethod
    def one(cls, id_key: int, fields: tuple[str, ...], client_id: int | None = None) -> Statement:
        """Return the statement that reads `fields` of one row."""
        return one_statement(cls.model, id_key, fields, _narrow(cls.owner_filter, client_id), client_id)

    @classmethod
    def insert_statement(cls, values: Values, fields: tuple[str, ...]) -> InsertStatement:
        """Return the statement that makes a row and returns its `fields`; it returns no row if a rule refuses."""
        return InsertStatement(insert_sql(cls.model, tuple(values), fields), dict(values), fields)

    @classmethod
    def are_storable(cls, values: Values) -> bool:
        """Return True if the columns can hold all references. Others never reach the database."""
        given = (values.get(name) for name in _references(cls.model))
        return all(id_key is None or is_storable_key(id_key) for id_key in given)

    @classmethod
    def changes_by_insert(cls, values: Values, records: Iterable[Record]) -> Changes:
        """Return the changes of an insert that returned `records`; without records, all that it may have changed."""
        changes = Changes()
        changes.rows[cls.model.__tablename__].update(record["id_key"] for record in records)
        return changes

    @staticmethod
    def owner_filter(client_id: ClientKey) -> ColumnElement[bool] | None:  # for entities with owners
        """Return the condition under which a row belongs to a client; None if rows have no owners."""
        return None

    def find(self, id_key: int) -> Model | None:
        return self.session.get(self.model, id_key) if is_storable_key(id_key) else None  # type: ignore[return-value] # cls.model is Model's class

    def find_all(self, query: ListQuery) -> list[Model]:
        """Return the entities of one page, for rules within a transaction; lists for callers are read with `page`."""
        statement = select(self.model).order_by(self.model.id_key).offset(query.skip).limit(query.limit)
        return list(self.session.scalars(statement))

    def lock(self, id_key: int, client_id: int | None = None) -> Model | None:
        """Return the current row, locked against other writers until the transaction ends.

        With `client_id`, only a row of this client is found. Another client's row is neither locked nor waited for, so
        it cannot be told from a missing one.
        """
        if not is_storable_key(id_key):
            return None
        owner = None if client_id is None else self.owner_filter(client_id)
        statement = (
            select(self.model)
            .where(self.model.id_key == id_key, *([] if owner is None else [owner]))
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        return self.session.scalars(statement).one_or_none()  # type: ignore[return-value] # see find

    def insert(self, values: Values, fields: tuple[str, ...]) -> list[Record]:
        """Run `insert_statement` and return its rows: none if a rule or a reference refuses."""
        self.tx.attempt = Attempt(self.model, values)
        if not self.are_storable(values):
            return []
        statement = self.insert_statement(values, fields)
        records = [dict(zip(statement.columns, row, strict=True)) for row in self.run(statement.compose())]
        if records:
            self.tx.changes.add(self.changes_by_insert(values, records))
        return records

    def update(self, instance: Model, values: Values) -> Model:
        """Write the values to the locked row."""
        self.tx.attempt = Attempt(self.model, values)
        for name, value in values.items():
            setattr(instance, name, value)
        self.session.flush()
        self.record_change(instance.id_key)
        return instance

    def remove(self, instance: Model) -> None:
        self.tx.attempt = Attempt(self.model, {"id_key": instance.id_key})
        self.session.delete(instance)
        self.session.flush()
        self.record_change(instance.id_key)

    def run(self, statement: Statement) -> CursorResult[Any]:
        return self.session.connection().exec_driver_sql(statement.sql, statement.parameters)

    def record_change(self, *id_keys: int) -> None:
        """Record changed rows, so that leaving the transaction drops their cache entries."""
        self.tx.changes.rows[self.model.__tablename__].update(id_keys)


def _narrow(owner_filter: OwnerFilter | None, client_id: int | None) -> OwnerFilter | None:
    return owner_filter if client_id is not None else None


@cache
def _references(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(column.name for column in model.__table__.columns if column.foreign_keys)
