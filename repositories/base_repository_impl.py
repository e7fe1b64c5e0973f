"""The SQL that every entity needs. A repository flushes and never commits; it notes which rows it changed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, CursorResult, Row, select
from sqlalchemy.orm import Session

from models.base_model import BaseModel
from repositories.queries.insert import insert_statement
from repositories.queries.list_query import list_statement
from repositories.queries.statement import ClientKey, OwnerFilter, Statement, one_statement
from schemas.base_schema import MAX_INTEGER
from schemas.list_query import ListQuery

Model = TypeVar("Model", bound=BaseModel)
Values = Mapping[str, Any]


class BaseRepository(Generic[Model]):
    model: ClassVar[type[BaseModel]]

    def __init__(self, session: Session) -> None:
        self.session = session

    @classmethod
    def page(cls, query: ListQuery, fields: tuple[str, ...], client_id: int | None = None) -> Statement:
        """The statement that reads one page of `fields`, of all rows or of one client's."""
        return list_statement(cls.model, query, fields, _narrow(cls.owner_filter, client_id), client_id)

    @classmethod
    def total(cls, query: ListQuery, client_id: int | None = None) -> Statement:
        """The statement that counts what the query's filters let through."""
        return list_statement(cls.model, query, None, _narrow(cls.owner_filter, client_id), client_id)

    @classmethod
    def one(cls, id_key: int, fields: tuple[str, ...], client_id: int | None = None) -> Statement:
        """The statement that reads `fields` of one row."""
        return one_statement(cls.model, id_key, fields, _narrow(cls.owner_filter, client_id), client_id)

    @classmethod
    def creation(cls, values: Values, fields: tuple[str, ...]) -> Statement:
        """The one statement that makes a row and returns its `fields`; it returns nothing when the row may not be."""
        return insert_statement(cls.model, dict(values), fields)

    @classmethod
    def changes_by(cls, values: Values, rows: Sequence[Sequence[Any]]) -> "Changes":
        """What `creation` has changed when it returned `rows`, `id_key` first; without any what it may have changed."""
        changes = Changes()
        changes.rows[cls.model.__tablename__].update(row[0] for row in rows)
        return changes

    def is_owned_by(self, id_key: int, client_id: int) -> bool:
        """Whether a client may change the row: one of its own, or one that has no owner."""
        condition = self.owner_filter(client_id)
        if condition is None or not is_storable_key(id_key):
            return condition is None
        statement = select(self.model.id_key).where(self.model.id_key == id_key, condition)
        return self.session.execute(statement).one_or_none() is not None

    @staticmethod
    def owner_filter(client_id: ClientKey) -> ColumnElement[bool] | None:  # for those who have owners
        """The condition under which a row belongs to a client; None where rows have no owners."""
        return None

    def find(self, id_key: int) -> Model | None:
        return self.session.get(self.model, id_key) if is_storable_key(id_key) else None  # type: ignore[return-value] # cls.model is Model's class

    def find_all(self, query: ListQuery) -> list[Model]:
        """Entities of one page, within this transaction and for its rules; lists for clients are read with `page`."""
        statement = select(self.model).order_by(self.model.id_key).offset(query.skip).limit(query.limit)
        return list(self.session.scalars(statement))

    def lock(self, id_key: int) -> Model | None:
        """The row as it is now, kept from others' changes until the transaction ends."""
        as_now = {"with_for_update": {"key_share": True}, "populate_existing": True}
        return self.session.get(self.model, id_key, **as_now) if is_storable_key(id_key) else None  # type: ignore[arg-type, return-value] # see find

    def save(self, values: Values) -> Row[Any]:
        """Make a row and return it: columns as attributes, as an entity has them, which would cost twice as much."""
        self._attempt(values)
        row = self.run(self.creation(values, tuple(self.model.__table__.columns.keys()))).one()
        changes_of(self.session).add(self.changes_by(values, [row]))
        return row

    def update(self, instance: Model, values: Values) -> Model:
        self._attempt(values)
        for name, value in values.items():
            setattr(instance, name, value)
        self.session.flush()
        self.changed(instance.id_key)
        return instance

    def remove(self, instance: Model) -> None:
        self._attempt({"id_key": instance.id_key})
        self.session.delete(instance)
        self.session.flush()
        self.changed(instance.id_key)

    def run(self, statement: Statement) -> CursorResult[Any]:
        return self.session.connection().exec_driver_sql(statement.sql, statement.parameters)

    def changed(self, *id_keys: int) -> None:
        """Note rows that this transaction changed, so that the service can drop what is cached of them."""
        changes_of(self.session).rows[self.model.__tablename__].update(id_keys)

    def _attempt(self, values: Values) -> None:
        """Note what is about to be written, so that a refusal of the database can be told in the client's words."""
        self.session.info["attempted"] = Attempt(self.model, values)


@dataclass(slots=True)
class Changes:
    """What the service has to know after the commit: changed rows by table, and stock as (before, after) by product."""

    rows: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    stock: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, later: "Changes") -> None:
        for table, id_keys in later.rows.items():
            self.rows[table].update(id_keys)
        self.stock.update(later.stock)


class Attempt(NamedTuple):
    model: type[BaseModel]
    values: Values


def _narrow(owner_filter: OwnerFilter | None, client_id: int | None) -> OwnerFilter | None:
    return owner_filter if client_id is not None else None


def is_storable_key(id_key: int) -> bool:
    """Whether the column can hold the key; PostgreSQL would answer an error, not an absence."""
    return 0 < id_key <= MAX_INTEGER


def changes_of(session: Session) -> Changes:
    """What this transaction has changed so far."""
    noted: Changes = session.info.setdefault("changes", Changes())
    return noted
