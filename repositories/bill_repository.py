"""SQL of bill rows."""

from sqlalchemy import ColumnElement, exists, func, insert

from models.bill import BillModel
from models.order import OrderModel
from repositories.base_repository_impl import BaseRepository, Values
from repositories.statements import ClientKey


class BillRepository(BaseRepository[BillModel]):
    model = BillModel

    @staticmethod
    def owned(client_id: ClientKey) -> ColumnElement[bool]:
        return exists().where(OrderModel.bill_id == BillModel.id_key, OrderModel.client_id == client_id)

    def save(self, values: Values) -> BillModel:
        """An empty `bill_number` becomes `BILL-2026-000001`: the year, and the next number that no bill has.

        The session would ask for the number with a second statement.
        """
        self._attempt(values)
        number = values["bill_number"] or func.next_bill_number(values["date"].year)
        statement = insert(BillModel).values({**values, "bill_number": number}).returning(BillModel)
        bill = self.session.scalars(statement).one()
        self.changed(bill.id_key)
        return bill
