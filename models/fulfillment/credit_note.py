"""Credit notes: amounts paid back for returns, with numbers without gaps."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from config.database import base
from models.base_model import BaseModel, MoneyColumn, ordered_index, reference


class CreditNoteModel(BaseModel):
    """Credit note, never modified. It is written by the transaction that learns that the money is paid back."""

    __tablename__ = "credit_notes"
    __table_args__ = (CheckConstraint("amount > 0", name="amount_positive"), ordered_index("bill_id"))

    number: Mapped[str] = mapped_column(String(30), unique=True)
    bill_id: Mapped[int] = reference("bills.id_key")
    return_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("returns.id_key"), unique=True)
    amount: Mapped[MoneyColumn]


class CreditNoteNumberModel(base):
    """The last number of a year. Its row is locked until the credit note is committed, so there are no gaps."""

    __tablename__ = "credit_note_numbers"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_number: Mapped[int] = mapped_column(BigInteger)
