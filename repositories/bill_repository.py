"""SQL of bill rows."""

from sqlalchemy import func

from models.bill import BillModel
from repositories.base_repository_impl import BaseRepository, Values


class BillRepository(BaseRepository[BillModel]):
    model = BillModel

    def save(self, values: Values) -> BillModel:
        """An empty `bill_number` becomes `BILL-2026-000001`: the year, and the next number that no bill has."""
        number = values["bill_number"] or func.next_bill_number(values["date"].year)
        return super().save({**values, "bill_number": number})
