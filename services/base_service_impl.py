"""The use cases that every entity has. A subclass declares its parts and varies them in hooks."""

from collections.abc import Awaitable, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar, cast

from infrastructure.postgres.pool import Row
from models.base_model import BaseModel
from repositories.base_repository_impl import BaseRepository, Record
from repositories.statements.changes import safe_since
from repositories.statements.statement import Statement
from repositories.system.idempotency_repository import StoredResponse
from repositories.transaction import Attempt, Transaction, Values
from schemas.base_schema import TIMESTAMPS, BaseSchema, StoredSchema, is_storable_key, to_json
from schemas.list_query import FORMS, Include, ListQuery
from services.context.app_context import AppContext
from services.context.request_context import RequestContext
from services.exceptions import NotFoundError, PreconditionFailedError
from services.rendering import ActionResult, Created, RenderedJson, etag_of, omit_unset, render, rows_to_dicts
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
        self.only_if_set = self.schema.only_if_set()
        self.fields_with_timestamps = tuple(dict.fromkeys((*self.fields, *TIMESTAMPS)))

    async def get_all(self, context: RequestContext, query: ListQuery) -> RenderedJson:
        """Return one page."""
        return await self.page(context, query)

    async def page(self, context: RequestContext, query: ListQuery) -> RenderedJson:
        """Return one page from the database."""
        fields = self.fields_of(query.include)
        statement = self.repository.page(query, fields, context.principal.client_id)
        rows = await self.fetch(context, statement)
        return render(self.shown(rows_to_dicts(fields, rows)))

    async def count(self, context: RequestContext, query: ListQuery) -> int:
        [(total,)] = await self.fetch(context, self.repository.total(query, context.principal.client_id))
        return int(total)

    async def safe_since(self, query: ListQuery) -> datetime:
        """Return the `updated_since` with which the next list of changes misses none. Call it before reading the page.

        A later page has the value of the first one, or it changes nothing: earlier pages may miss newer changes.
        """
        if query.updated_since is None:
            raise ValueError("the query asks for no changes")
        if not query.is_first_page():
            return query.safe_since or query.updated_since
        [(moment,)] = await self.app_context.database.reads.fetch(*safe_since(query.updated_since))
        return cast("datetime", moment)

    async def get_one(self, context: RequestContext, id_key: int, include: Include = None) -> RenderedJson:
        """Return one object. Raises NotFoundError, also for a key that the column cannot hold."""
        return await self.row(context, id_key, include)

    async def row(self, context: RequestContext, id_key: int, include: Include = None) -> RenderedJson:
        """Return one object from the database."""
        fields = self.fields_of(include)
        statement = self.repository.one(id_key, fields, context.principal.client_id)
        rows = await self.fetch(context, statement) if is_storable_key(id_key) else []
        if not rows:
            raise self.not_found(id_key)
        return render(self.shown(rows_to_dicts(fields, rows))[0])

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
    def act(self, context: RequestContext, id_key: int, values: Values) -> ActionResult | StoredResponse:
        """Write values that a request cannot contain, once for all requests with the same idempotency key.

        Raises NotFoundError.
        """
        with self.unit_of_work(context) as tx:
            if tx.replay:
                self.repository(tx).record_change(id_key)
                return tx.replay
            instance = self.lock(tx, context, id_key, None)
            if any(getattr(instance, name) != value for name, value in values.items()):
                self.repository(tx).update(instance, values)
            tx.outcome = result = ActionResult(to_json(self.read(instance)))
            return result

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
        if etags is not None and self.etags_of(instance).isdisjoint(etags):
            raise PreconditionFailedError("The object has changed since it was read")
        return instance

    def check_references(self, tx: Transaction, values: Values) -> None:
        """Raise NotFoundError if a reference is no key that the database can hold."""
        are_storable, attempt = self.repository.are_storable(values), Attempt(self.repository.model, values)
        if not are_storable and (missing := missing_reference(tx.session, attempt)):
            raise missing

    def fields_of(self, include: Include) -> tuple[str, ...]:
        return self.fields_with_timestamps if include else self.fields

    def read(self, instance: Model, include: Include = None) -> Record:
        """Return the body, without validation: rows of earlier versions may break later rules."""
        return self.shown([{field: getattr(instance, field) for field in self.fields_of(include)}])[0]

    def etags_of(self, instance: Model) -> set[str]:
        """Return the tags of the body and of the one with timestamps."""
        return {etag_of(to_json(self.read(instance, include))) for include in FORMS}

    def shown(self, records: list[Record]) -> list[Record]:
        """Return the records as bodies: without fields that are not set and shown only if they are."""
        return omit_unset(records, self.only_if_set) if self.only_if_set else records

    def created(self, records: Sequence[Record]) -> Created:
        [record] = records
        body = to_json(self.shown([{field: record[field] for field in self.fields}])[0])
        return Created(body, record["id_key"], self.client_of(record))

    def client_of(self, record: Record) -> int | None:
        """Return the client that the object is or belongs to: deleting it erases stored responses about the object."""
        return record.get("client_id")

    def not_found(self, id_key: int) -> NotFoundError:
        return NotFoundError(self.repository.model.entity_name(), id_key)
