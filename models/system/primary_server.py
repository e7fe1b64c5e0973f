"""Identity of the primary, in a table so that replicas get it with the WAL that the primary has written."""

from sqlalchemy import CheckConstraint, Text, true
from sqlalchemy.orm import Mapped, mapped_column

from config.database import base


class PrimaryServerModel(base):
    """The only row names the cluster and its timeline. The service writes it after a failover."""

    __tablename__ = "primary_server"
    __table_args__ = (CheckConstraint("is_single", name="single"),)

    is_single: Mapped[bool] = mapped_column(primary_key=True, server_default=true())
    identity: Mapped[str] = mapped_column(Text)
