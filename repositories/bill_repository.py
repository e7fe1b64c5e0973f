"""SQL of bill rows."""

from sqlalchemy import ColumnElement, bindparam, exists, func

from models.bill import BillModel
from models.order import OrderModel
from repositories.base_repository_impl import BaseRepository, Values
from repositories.queries.insert import insert_statement
from repositories.queries.statement import ClientKey, Statement

_NEXT_NUMBER = ("bill_number", func.next_bill_number(bindparam("year")))


class BillRepository(BaseRepository[BillModel]):
    model = BillModel

    @staticmethod
    def owner_filter(client_id: ClientKey) -> ColumnElement[bool]:
        return exists().where(OrderModel.bill_id == BillModel.id_key, OrderModel.client_id == client_id)

    @classmethod
    def creation(cls, values: Values, fields: tuple[str, ...]) -> Statement:
        """An empty `bill_number` becomes `BILL-2026-000001`: the year, and the next number that no bill has."""
        if values["bill_number"]:
            return super().creation(values, fields)
        given = {name: value for name, value in values.items() if name != "bill_number"}
        return insert_statement(cls.model, {**given, "year": values["date"].year}, fields, _NEXT_NUMBER)
