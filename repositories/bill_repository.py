"""SQL of bill rows."""

from typing import Any

from sqlalchemy import ColumnElement, Row, exists, func

from models.bill import BillModel
from models.order import OrderModel
from repositories.base_repository_impl import BaseRepository, Values
from repositories.statements import ClientKey


class BillRepository(BaseRepository[BillModel]):
    model = BillModel

    @staticmethod
    def owned(client_id: ClientKey) -> ColumnElement[bool]:
        return exists().where(OrderModel.bill_id == BillModel.id_key, OrderModel.client_id == client_id)

    def save(self, values: Values, **computed: ColumnElement[Any]) -> Row[Any]:
        """An empty `bill_number` becomes `BILL-2026-000001`: the year, and the next number that no bill has."""
        given = dict(values)
        if not given["bill_number"]:
            del given["bill_number"]
            computed["bill_number"] = func.next_bill_number(values["date"].year)
        return super().save(given, **computed)
