"""The use cases that every entity has. A subclass declares its parts and varies them in hooks."""

from collections.abc import Awaitable, Collection, Sequence
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from infrastructure.postgres.pool import Row
from models.base_model import BaseModel
from repositories.base_repository_impl import BaseRepository, Record, is_storable_key
from repositories.idempotency_repository import StoredResponse
from repositories.queries.statement import Statement
from repositories.transaction import Attempt, Transaction, Values
from schemas.base_schema import BaseSchema, StoredSchema, to_json
from schemas.list_query import ListQuery
from services.app_context import AppContext
from services.exceptions import NotFoundError, PreconditionFailedError
from services.rendering import Created, RenderedJson, etag_of, render, rows_to_dicts
from services.request_context import RequestContext
from services.transactions.creation import CreatingService, Creation
from services.transactions.error_translation import missing_reference
from services.transactions.unit_of_work import in_worker_thread

Model = TypeVar("Model", bound=BaseModel)
Create = TypeVar("Create", bound=BaseSchema)
Update = TypeVar("Update", bound=BaseSchema)
Read = TypeVar("Read", bound=StoredSchema)


class BaseService(CreatingService, Generic[Model, Create, Update, Read]):
    repository: ClassVar[type[BaseRepository[Any]]]
    schema: ClassVar[type[StoredSchema]]
    client_fields: ClassVar[frozenset[str] | None] = None
    """The fields that a client may change of its own objects; None means all."""

    def __init__(self, app_context: AppContext) -> None:
        super().__init__(app_context)
        self.fields = tuple(self.schema.model_fields)

    async def get_all(self, context: RequestContext, query: ListQuery) -> RenderedJson:
        """Return one page."""
        return await self.page(context, query)

    async def page(self, context: RequestContext, query: ListQuery) -> RenderedJson:
        """Return one page from the database."""
        statement = self.repository.page(query, self.fields, context.principal.client_id)
        return render(rows_to_dicts(self.fields, await self.fetch(context, statement)))

    async def count(self, context: RequestContext, query: ListQuery) -> int:
        [(total,)] = await self.fetch(context, self.repository.total(query, context.principal.client_id))
        return int(total)

    async def get_one(self, context: RequestContext, id_key: int) -> RenderedJson:
        """Return one object. Raises NotFoundError, also for a key that the column cannot hold."""
        return await self.row(context, id_key)

    async def row(self, context: RequestContext, id_key: int) -> RenderedJson:
        """Return one object from the database."""
        statement = self.repository.one(id_key, self.fields, context.principal.client_id)
        rows = await self.fetch(context, statement) if is_storable_key(id_key) else []
        if not rows:
            raise self.not_found(id_key)
        return render(rows_to_dicts(self.fields, rows)[0])

    def fetch(self, context: RequestContext, statement: Statement) -> Awaitable[list[Row]]:
        """Return the rows of a read, from the server that the context chooses."""
        return (context.reads or self.app_context.database.reads).fetch(*statement)

    async def save(self, context: RequestContext, new: Create) -> Created | StoredResponse:
        """Create one object, once for all requests with the same idempotency key."""
        values = partial(self.before_save, context, new)
        return await self.create(
            context, Creation(self.repository, self.fields, values, self.created, self.explain_refusal)
        )

    @in_worker_thread
    def update(
        self, context: RequestContext, id_key: int, changes: Update, etags: Collection[str] | None = None
    ) -> RenderedJson:
        """Replace the given fields. Current values change nothing, whatever the rules of a change are.

        Raises NotFoundError, or PreconditionFailedError if `etags` are given and none is the object's.
        """
        with self.unit_of_work(context) as tx:
            given = changes.given()
            self.lock_first(tx, context, id_key, given)
            instance = self.lock(tx, context, id_key, etags)
            changed = {name for name in given if given[name] != getattr(instance, name)}
            if not changed:
                return render(self.read(instance))
            context.principal.check_fields(changed, self.client_fields)
            values = self.before_update(tx, context, instance, given)
            self.check_references(tx, values)
            return render(self.read(self.repository(tx).update(instance, values)))

    @in_worker_thread
    def delete(self, context: RequestContext, id_key: int, etags: Collection[str] | None = None) -> None:
        """Delete one object. Raises as `update` does, and ConflictError if other objects need it."""
        with self.unit_of_work(context) as tx:
            self.lock_first(tx, context, id_key, {})
            instance = self.lock(tx, context, id_key, etags)
            self.before_delete(tx, instance)
            self.repository(tx).remove(instance)

    def before_save(self, context: RequestContext, new: Create) -> Values:
        """Return the values of the new row. Raise a ServiceError to refuse it."""
        return new.model_dump()

    def explain_refusal(self, tx: Transaction, values: Values) -> None:
        """Raise the reason why the insert statement refuses; return if there is no reason any more."""
        self.check_references(tx, values)

    def lock_first(self, tx: Transaction, context: RequestContext, id_key: int, values: Values) -> None:
        """Lock the rows that every transaction locks before this one. `values` are those of an update.

        Lock only rows of `context.principal.client_id`: waiting for others reveals that they exist.
        """

    def before_update(self, tx: Transaction, context: RequestContext, instance: Model, values: Values) -> Values:
        """Return the values to write. At least one differs from `instance`, which is locked and has the old values."""
        return values

    def before_delete(self, tx: Transaction, instance: Model) -> None:
        """Remove dependent rows first. `instance` is locked."""

    def lock(self, tx: Transaction, context: RequestContext, id_key: int, etags: Collection[str] | None) -> Model:
        """Lock the row if it is the caller's, and check its ETag."""
        instance: Model | None = self.repository(tx).lock(id_key, context.principal.client_id)
        if instance is None:
            raise self.not_found(id_key)
        if etags is not None and etag_of(to_json(self.read(instance))) not in etags:
            raise PreconditionFailedError("The object has changed since it was read")
        return instance

    def check_references(self, tx: Transaction, values: Values) -> None:
        """Raise NotFoundError if a reference is no key that the database can hold."""
        are_storable, attempt = self.repository.are_storable(values), Attempt(self.repository.model, values)
        if not are_storable and (missing := missing_reference(tx.session, attempt)):
            raise missing

    def read(self, instance: Model) -> Record:
        """Return the stored values, without validation: rows of earlier versions may break later rules."""
        return {field: getattr(instance, field) for field in self.fields}

    def created(self, records: Sequence[Record]) -> Created:
        [record] = records
        body = to_json({field: record[field] for field in self.fields})
        return Created(body, record["id_key"], self.client_of(record))

    def client_of(self, record: Record) -> int | None:
        """Return the client that the object is or belongs to: deleting it erases stored responses about the object."""
        return record.get("client_id")

    def not_found(self, id_key: int) -> NotFoundError:
        return NotFoundError(self.repository.model.entity_name(), id_key)
