"""The rules of API keys: no key makes one that may do more, each is shown once, and a rotation has one successor."""

from collections.abc import Sequence
from functools import partial

from models.system.api_key import ApiKeyModel
from repositories.base_repository_impl import Record
from repositories.system.api_key_repository import ApiKeyRepository
from repositories.system.idempotency_repository import StoredResponse
from repositories.transaction import Values
from schemas.base_schema import NothingToWrite, to_json, utc_now
from schemas.system.api_key_schema import ApiKeyCreate, ApiKeyRotation, ApiKeySchema
from services.auth.api_keys import NewKey, restrictions_of
from services.base_service_impl import BaseService
from services.context.request_context import RequestContext
from services.exceptions import ConflictError, InvalidError
from services.rendering import Created
from services.transactions.creation import Creation
from services.transactions.unit_of_work import in_worker_thread

INHERITED = ("description", "role", "client_id", "scopes", "networks", "expires_at")
"""Fields that a rotation copies."""


class ApiKeyService(BaseService[ApiKeyModel, ApiKeyCreate, NothingToWrite, ApiKeySchema]):
    repository = ApiKeyRepository
    schema = ApiKeySchema

    async def save(self, context: RequestContext, new: ApiKeyCreate) -> Created | StoredResponse:
        """Create a key. Only this response contains it; a stored response does not."""
        made = NewKey.make()

        def values() -> Values:
            return {**self.before_save(context, new), **made.columns()}

        return await self.create(
            context,
            Creation(self.repository, self.fields, values, partial(self.shown_once, made), self.explain_refusal),
        )

    @in_worker_thread
    def rotate(self, context: RequestContext, id_key: int, new: ApiKeyRotation) -> Created | StoredResponse:
        """Create a key with the same rights, and end the old one after the overlap.

        Raises NotFoundError, or ConflictError if the key has ended or has a successor already.
        """
        with self.unit_of_work(context) as tx:
            if tx.replay:
                return tx.replay
            old = self.lock(tx, context, id_key, None)
            if old.replaced_by_id is not None:
                raise ConflictError(f"API key {id_key} is already replaced by {old.replaced_by_id}")
            if old.expires_at and old.expires_at <= utc_now():
                raise ConflictError(f"API key {id_key} has expired")
            made, keys = NewKey.make(), self.repository(tx)
            values = {name: getattr(old, name) for name in INHERITED}
            values |= {"expires_at": new.expires_at or old.expires_at}
            check_restrictions(context, values)
            records = keys.insert({**values, **made.columns()}, self.fields)
            tx.outcome = created = self.shown_once(made, records)
            keys.replace(old, created.id_key, new.overlap_seconds)
            return created

    def before_save(self, context: RequestContext, new: ApiKeyCreate) -> Values:
        if (new.role == "client") != (new.client_id is not None):
            raise InvalidError("role is admin, or client with the client that it is for", "role")
        values = new.model_dump()
        check_restrictions(context, values)
        return values

    def shown_once(self, made: NewKey, records: Sequence[Record]) -> Created:
        """Return the creation with the key in its body, but not in the body that is stored for repeats."""
        created = self.created(records)
        [record] = records
        shown = {**{field: record[field] for field in self.fields}, "key": made.key}
        return created._replace(body=to_json(shown), replay_body=created.body)


def check_restrictions(context: RequestContext, values: Values) -> None:
    """Raise InvalidError for an end in the past, ForbiddenError if the caller's own key may do less."""
    restrictions = restrictions_of(values["scopes"], values["networks"], values["expires_at"])
    if restrictions.expires_at and restrictions.expires_at <= utc_now():
        raise InvalidError("expires_at must be in the future", "expires_at")
    context.principal.restrictions.check_covers(restrictions)
