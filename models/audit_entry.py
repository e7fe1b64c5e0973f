"""Audit log: an entry for each change, written in the transaction of the change and never modified."""

from sqlalchemy import SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base_model import BaseModel, ordered_index


class AuditEntryModel(BaseModel):
    """Audit entry. `principal` is the name of a key or the subject of a token, empty without authentication."""

    __tablename__ = "audit"
    __table_args__ = tuple(map(ordered_index, ("principal", "path", "created_at")))

    principal: Mapped[str] = mapped_column(String(255))
    request_id: Mapped[str] = mapped_column(String(128))
    method: Mapped[str] = mapped_column(String(10))
    path: Mapped[str] = mapped_column(Text)
    status: Mapped[int] = mapped_column(SmallInteger)
