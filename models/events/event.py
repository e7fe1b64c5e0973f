"""Events: changes of objects, for other programs to read."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Identity, Index, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import base
from models.base_model import BaseModel, ordered_index

Body = dict[str, Any]


class EventModel(BaseModel):
    """Published event, never modified but for redaction.

    Its key is assigned when it is published, without gaps, so nothing ever appears below a key that a reader has seen.
    `client_id` is the client whose personal data it contains.
    """

    is_append_only = True
    __tablename__ = "events"
    __table_args__ = (
        ordered_index("type"),
        Index("ix_events_client_id", "client_id", postgresql_where=text("client_id IS NOT NULL")),
    )

    id_key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False, sort_order=-1)
    type: Mapped[str] = mapped_column(String(50))
    resource: Mapped[str] = mapped_column(String(100))
    data: Mapped[Body] = mapped_column(JSONB)
    client_id: Mapped[int | None] = mapped_column(BigInteger)


class QueuedEventModel(base):
    """Event that is not published yet, written by a trigger in the transaction of the change.

    `stock_before` is the stock of a product before its update: publishing tells from it whether the stock got low.
    """

    __tablename__ = "event_queue"
    __table_args__ = (Index("ix_event_queue_client_id", "client_id", postgresql_where=text("client_id IS NOT NULL")),)

    id_key: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    type: Mapped[str] = mapped_column(String(50))
    resource: Mapped[str] = mapped_column(String(100))
    data: Mapped[Body] = mapped_column(JSONB)
    client_id: Mapped[int | None] = mapped_column(BigInteger)
    stock_before: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
