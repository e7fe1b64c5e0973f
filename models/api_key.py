"""API keys. Only the SHA-256 of a key is stored."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, LargeBinary, String, func
from sqlalchemy.orm import Mapped, mapped_column

from config.database import base


class ApiKeyModel(base):
    """API key. `name` identifies it in rate limits and in the audit log, and is no secret. Deleted with its client."""

    __tablename__ = "api_keys"
    __table_args__ = (
        CheckConstraint("role IN ('client', 'admin')", name="role_known"),
        CheckConstraint("(role = 'client') = (client_id IS NOT NULL)", name="client_has_client"),
    )

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    role: Mapped[str] = mapped_column(String(10))
    client_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("clients.id_key", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
