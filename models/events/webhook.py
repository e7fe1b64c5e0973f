"""Webhooks: endpoints of other programs, and the deliveries of events to them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Sequence,
    SmallInteger,
    String,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from config.database import base
from models.base_model import BaseModel, ordered_index, reference

POSITIONS = Sequence("webhook_position_seq", metadata=base.metadata)
Moment = DateTime(timezone=True)


class WebhookEndpointModel(BaseModel):
    """Endpoint. Its secrets sign the deliveries, so they are stored as they are. `previous_secret` ends after a time.

    A disabled endpoint gets no new deliveries, and its waiting ones wait.
    """

    __tablename__ = "webhook_endpoints"

    url: Mapped[str] = mapped_column(String(2000))
    event_types: Mapped[list[str]] = mapped_column(ARRAY(Text))
    description: Mapped[str | None] = mapped_column(String(200))
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    secret: Mapped[str] = mapped_column(Text)
    previous_secret: Mapped[str | None] = mapped_column(Text)
    previous_secret_until: Mapped[datetime | None] = mapped_column(Moment)


class WebhookDeliveryModel(BaseModel):
    """Delivery of one event to one endpoint, in the order of `position`. Removed with its event."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint("status IN ('waiting', 'sent', 'failed')", name="status_known"),
        ordered_index("endpoint_id"),
        Index(
            "ix_webhook_deliveries_endpoint_id_position",
            *("endpoint_id", "position"),
            postgresql_where=text("status = 'waiting'"),
        ),
    )

    endpoint_id: Mapped[int] = reference("webhook_endpoints.id_key", cascade=True)
    event_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("events.id_key", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=POSITIONS.next_value())
    status: Mapped[str] = mapped_column(String(10), server_default="waiting")
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    response_status: Mapped[int | None] = mapped_column(SmallInteger)
    error: Mapped[str | None] = mapped_column(String(200))
    first_attempt_at: Mapped[datetime | None] = mapped_column(Moment)
    last_attempt_at: Mapped[datetime | None] = mapped_column(Moment)
    next_attempt_at: Mapped[datetime | None] = mapped_column(Moment, server_default=func.now())


class WebhookClaimModel(base):
    """Claim of a worker to be the only one that sends to an endpoint, until it ends."""

    __tablename__ = "webhook_claims"

    endpoint_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("webhook_endpoints.id_key", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    claimed_by: Mapped[UUID] = mapped_column(Uuid)
    claimed_until: Mapped[datetime] = mapped_column(Moment)
