"""Responses of requests with an `Idempotency-Key`, stored for their repeats."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Index, LargeBinary, SmallInteger, String, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from config.database import base


class IdempotencyModel(base):
    """Stored response. `caller` separates the keys of different callers.

    `fingerprint` is the SHA-256 of method, path and body. `client_id` is the client that made the request or that the
    response is about. It is no foreign key, because tokens may name clients that do not exist. Deleting the client
    erases the response.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        Index("ix_idempotency_keys_client_id", "client_id", postgresql_where=text("client_id IS NOT NULL")),
    )

    caller: Mapped[str] = mapped_column(String(255), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    method: Mapped[str] = mapped_column(String(10))
    path: Mapped[str] = mapped_column(String(255))
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    status: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    location: Mapped[str | None] = mapped_column(String(255))
    body: Mapped[str] = mapped_column(Text, server_default="")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now(), index=True)
    client_id: Mapped[int | None] = mapped_column(BigInteger)
