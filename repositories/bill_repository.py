"""SQL of bill rows."""

from sqlalchemy import ColumnElement, bindparam, exists, func

from models.bill import BillModel
from models.order import OrderModel
from repositories.base_repository_impl import BaseRepository
from repositories.statements.insert import insert_sql
from repositories.statements.statement import ClientKey, InsertStatement
from repositories.transaction import Values

_NEXT_NUMBER = ("bill_number", func.next_bill_number(bindparam("year")))


class BillRepository(BaseRepository[BillModel]):
    model = BillModel

    @staticmethod
    def owner_filter(client_id: ClientKey) -> ColumnElement[bool]:
        return exists().where(OrderModel.bill_id == BillModel.id_key, OrderModel.client_id == client_id)

    @classmethod
    def insert_statement(cls, values: Values, fields: tuple[str, ...]) -> InsertStatement:
        """Replace an empty `bill_number` by the year and the next free number: `BILL-2026-000001`."""
        if values["bill_number"]:
            return super().insert_statement(values, fields)
        given = {name: value for name, value in values.items() if name != "bill_number"}
        sql = insert_sql(cls.model, tuple(given), fields, _NEXT_NUMBER)
        return InsertStatement(sql, {**given, "year": values["date"].year}, fields)
