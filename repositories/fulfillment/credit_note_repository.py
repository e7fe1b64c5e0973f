"""SQL of credit notes, among it the step that gives them numbers without gaps."""

from decimal import Decimal

from sqlalchemy import text

from models.fulfillment.credit_note import CreditNoteModel
from repositories.base_repository_impl import BaseRepository

# The row of the year stays locked until the commit: the next credit note waits, and a rollback leaves no gap.
NUMBERED = """numbered AS (
    INSERT INTO credit_note_numbers (year, last_number) VALUES (extract(year FROM now() AT TIME ZONE 'UTC'), 1)
    ON CONFLICT (year) DO UPDATE SET last_number = credit_note_numbers.last_number + 1
    RETURNING 'CN-' || year || '-' || lpad(
        cast(last_number AS text), greatest(6, length(cast(last_number AS text))), '0'
    ) AS number
)"""
"""Step of a statement that makes one credit note: its number, the next of the year."""
_ADD = text(f"""
    WITH {NUMBERED}
    INSERT INTO credit_notes (number, bill_id, return_id, amount)
    SELECT number, :bill_id, :return_id, :amount FROM numbered
    RETURNING id_key
""")


class CreditNoteRepository(BaseRepository[CreditNoteModel]):
    model = CreditNoteModel

    def add(self, bill_id: int, return_id: int, amount: Decimal) -> None:
        """Make a credit note with the next number of the year. Commit soon: others wait for it."""
        values = {"bill_id": bill_id, "return_id": return_id, "amount": amount}
        self.record_change(self.session.execute(_ADD, values).scalar_one())
