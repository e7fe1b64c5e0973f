"""Audit log: an entry for each change, written in its transaction. Entries are sealed and never modified afterwards."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Computed,
    DateTime,
    ForeignKey,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from config.database import base
from models.base_model import PARTITIONED, BaseModel, ordered_index


class AuditEntryModel(BaseModel):
    """Audit entry. `principal` is the name of an admin's key or token, `client:` with the pseudonym of a client, or
    empty without credentials.

    `request_id` is ours; the caller may have sent another. In `path`, clients and what they changed are pseudonyms. An
    entry about refusals has the template of their route, and their number in `times`.
    """

    __tablename__ = "audit"
    __table_args__ = (*map(ordered_index, ("principal", "path", "created_at")), PARTITIONED)

    is_append_only = True

    principal: Mapped[str] = mapped_column(String(255))
    request_id: Mapped[str] = mapped_column(String(128))
    caller_request_id: Mapped[str | None] = mapped_column(String(128))
    method: Mapped[str] = mapped_column(String(10))
    path: Mapped[str] = mapped_column(Text)
    status: Mapped[int] = mapped_column(SmallInteger)
    times: Mapped[int] = mapped_column(Integer, server_default="1")


class AuditKeyModel(base):
    """Random key of a client, from which its pseudonyms are computed. Deleted with the client."""

    __tablename__ = "audit_keys"

    client_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("clients.id_key", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    key: Mapped[bytes] = mapped_column(
        LargeBinary,
        server_default=func.uuid_send(func.gen_random_uuid()).op("||")(func.uuid_send(func.gen_random_uuid())),
    )
    pseudonym: Mapped[str] = mapped_column(
        Text, Computed("left(encode(sha256(key), 'hex'), 32)", persisted=True), unique=True
    )


class AuditSealModel(base):
    """Seal of a batch of entries: those after the last one of the batch before, up to `last_id`.

    `digest` is the SHA-256 of the entries. `seal` is that of the seal before and of this batch. `removed_at` is set
    when the entries are removed because of their age.
    """

    __tablename__ = "audit_seals"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    last_id: Mapped[int] = mapped_column(BigInteger)
    entries: Mapped[int] = mapped_column(Integer)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    seal: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    removed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
