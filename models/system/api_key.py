"""API keys. Only the SHA-256 of a key is stored."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, LargeBinary, String, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from models.base_model import BaseModel


class ApiKeyModel(BaseModel):
    """API key. `name` identifies it in rate limits and in the audit log, and is no secret. Deleted with its client.

    A key ends at `expires_at`, or when it is revoked. Null `scopes` and `networks` restrict nothing.
    """

    __tablename__ = "api_keys"
    __table_args__ = (
        CheckConstraint("role IN ('client', 'admin')", name="role_known"),
        CheckConstraint("(role = 'client') = (client_id IS NOT NULL)", name="client_has_client"),
    )

    name: Mapped[str] = mapped_column(String(20), unique=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    description: Mapped[str | None] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(10))
    client_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("clients.id_key", ondelete="CASCADE"), index=True
    )
    scopes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    networks: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    replaced_by_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("api_keys.id_key", ondelete="SET NULL"), index=True
    )
