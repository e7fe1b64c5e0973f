"""Who changed what, and when: written in the transaction of the change, and never changed itself."""

from sqlalchemy import SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base_model import BaseModel, ordered_index


class AuditEntryModel(BaseModel):
    """`principal` is the name of a key or the subject of a token, empty where the service is open."""

    __tablename__ = "audit"
    __table_args__ = tuple(map(ordered_index, ("principal", "path", "created_at")))

    principal: Mapped[str] = mapped_column(String(255))
    request_id: Mapped[str] = mapped_column(String(128))
    method: Mapped[str] = mapped_column(String(10))
    path: Mapped[str] = mapped_column(Text)
    status: Mapped[int] = mapped_column(SmallInteger)
