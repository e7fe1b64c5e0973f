"""Keys for callers that are programs. The key itself is kept nowhere, only its SHA-256."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, LargeBinary, String, func
from sqlalchemy.orm import Mapped, mapped_column

from config.database import base


class ApiKeyModel(base):
    """`name` is no secret: limits and the audit trail know the key by it. A client's keys go with the client."""

    __tablename__ = "api_keys"
    __table_args__ = (
        CheckConstraint("role IN ('client', 'admin')", name="role_known"),
        CheckConstraint("(role = 'client') = (client_id IS NOT NULL)", name="client_has_client"),
    )

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    role: Mapped[str] = mapped_column(String(10))
    client_id: Mapped[int | None] = mapped_column(ForeignKey("clients.id_key", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
