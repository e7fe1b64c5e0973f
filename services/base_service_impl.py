"""The use cases that every entity has. A subclass declares its parts and varies them in hooks."""

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import Row
from sqlalchemy.orm import Session

from models.base_model import BaseModel
from repositories.base_repository_impl import BaseRepository, Values, is_storable_key
from repositories.idempotency_repository import RequestKey
from schemas.base_schema import BaseSchema, StoredSchema, to_json
from schemas.list_query import ListQuery
from services.app_context import AppContext
from services.auth.principal import check_fields, narrowed_to
from services.exceptions import NotFoundError, PreconditionFailedError
from services.rendering import RenderedJson, StoredResponse, etag_of, render, rows_to_dicts
from services.transactions.creation import Creation, Creations
from services.transactions.unit_of_work import Transactions, Work

Model = TypeVar("Model", bound=BaseModel)
Create = TypeVar("Create", bound=BaseSchema)
Update = TypeVar("Update", bound=BaseSchema)
Read = TypeVar("Read", bound=StoredSchema)
T = TypeVar("T")


class BaseService(Generic[Model, Create, Update, Read]):
    """Coroutines open and end their own transaction; methods that take a session are parts of one."""

    repository: ClassVar[type[BaseRepository[Any]]]
    schema: ClassVar[type[StoredSchema]]
    client_fields: ClassVar[frozenset[str] | None] = None
    """What a client may change of its own; None: everything."""
    unique_messages: ClassVar[dict[str, str]] = {}
    """What to say when a unique index, by name, refuses a value."""

    def __init__(self, app_context: AppContext) -> None:
        self.app_context = app_context
        self.transactions = Transactions(app_context, self.unique_messages)
        self.creations = Creations(app_context, self.transactions)
        self.fields = tuple(self.schema.model_fields)

    async def get_all(self, query: ListQuery) -> RenderedJson:
        """One page."""
        return await self.page(query)

    async def page(self, query: ListQuery) -> RenderedJson:
        """One page, as the database has it now."""
        rows = await self.app_context.database.reads.fetch(*self.repository.page(query, self.fields, narrowed_to()))
        return render(rows_to_dicts(self.fields, rows))

    async def count(self, query: ListQuery) -> int:
        rows = await self.app_context.database.reads.fetch(*self.repository.total(query, narrowed_to()))
        return int(rows[0][0])

    async def get_one(self, id_key: int) -> RenderedJson:
        """Raises NotFoundError, also for a key that the column cannot hold."""
        return await self.row(id_key)

    async def row(self, id_key: int) -> RenderedJson:
        """The object, as the database has it now."""
        statement = self.repository.one(id_key, self.fields, narrowed_to())
        rows = await self.app_context.database.reads.fetch(*statement) if is_storable_key(id_key) else []
        if not rows:
            raise self.not_found(id_key)
        return render(rows_to_dicts(self.fields, rows)[0])

    async def save(self, new: Create, request: RequestKey | None = None) -> StoredResponse:
        """Make the object, once for all requests with this key."""
        creation = Creation(
            self.repository,
            lambda: self.before_save(new),
            self.fields,
            lambda rows: self.answer(rows_to_dicts(self.fields, rows)[0]),
        )

        def work(session: Session) -> StoredResponse:
            return self.answer(self.create(session, self.before_save(new)).model_dump())

        return await self.creations.create(creation, work, request)

    async def update(self, id_key: int, changes: Update, if_match: str | None = None) -> RenderedJson:
        """Replace the fields that `changes` bears, under the row's lock.

        Raises NotFoundError, or PreconditionFailedError when the object's tag is none of those in `if_match`.
        """
        work: Work[RenderedJson] = lambda session: self._update(session, id_key, changes, if_match)  # noqa: E731
        return await self.app_context.database.threads.run(lambda: self.transactions.run(work))

    async def delete(self, id_key: int, if_match: str | None = None) -> None:
        """Raises as `update` does, and ConflictError when others need the object."""
        work: Work[None] = lambda session: self._delete(session, id_key, if_match)  # noqa: E731
        await self.app_context.database.threads.run(lambda: self.transactions.run(work))

    def create(self, session: Session, values: Values) -> Read:
        return self.read(self.repository(session).save(values))

    def before_save(self, new: Create) -> Values:
        """The values of the new row."""
        return new.model_dump()

    def before_update(self, session: Session, instance: Model, values: Values) -> Values:
        """The values to change; `instance` is locked and bears the old ones."""
        return values

    def before_delete(self, session: Session, instance: Model) -> None:
        """What has to go first; `instance` is locked."""

    def lock(self, session: Session, id_key: int, if_match: str | None) -> Model:
        """The row to change, checked against the tags in `if_match`; a client's own, if a client asks."""
        repository, own = self.repository(session), narrowed_to()
        instance: Model | None = repository.lock(id_key)
        if instance is None or (own is not None and not repository.is_owned_by(id_key, own)):
            raise self.not_found(id_key)
        if if_match is not None and not matches(if_match, etag_of(to_json(self.read(instance)))):
            raise PreconditionFailedError("The object has changed since it was read")
        return instance

    def read(self, instance: Model | Row[Any]) -> Read:
        return self.schema.model_validate(instance)  # type: ignore[return-value] # cls.schema is Read

    def answer(self, created: Mapping[str, Any]) -> StoredResponse:
        return StoredResponse(201, to_json(created), f"/{self.repository.model.__tablename__}/{created['id_key']}")

    def not_found(self, id_key: int) -> NotFoundError:
        return NotFoundError(self.repository.model.entity_name(), id_key)

    def _update(self, session: Session, id_key: int, changes: Update, if_match: str | None) -> RenderedJson:
        repository, instance, given = self.repository(session), self.lock(session, id_key, if_match), changes.given()
        check_fields({name for name in given if given[name] != getattr(instance, name)}, self.client_fields)
        values = self.before_update(session, instance, given)
        return render(self.read(repository.update(instance, values)))

    def _delete(self, session: Session, id_key: int, if_match: str | None) -> None:
        instance = self.lock(session, id_key, if_match)
        self.before_delete(session, instance)
        self.repository(session).remove(instance)


def matches(header: str, etag: str) -> bool:
    """Whether `If-Match` or `If-None-Match` names the tag; `*` names any. A weak tag names the same content."""
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in tags or etag in tags
