"""SQL of a client's export: its rows in pages, and the rows that belong to a page of orders."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, any_, bindparam, inspect, literal_column, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from models.system.api_key import ApiKeyModel
from models.system.audit_entry import AuditEntryModel
from repositories.statements.statement import Statement, columns_of, compiled

PAGE = 200

Fields = tuple[str, ...]


class ClientExportRepository:
    @staticmethod
    def page(model: Any, fields: Fields, client_id: int, after_id: int) -> Statement:
        """Return the statement that reads the rows of a client after this key, PAGE at the most."""
        sql = _page_sql(model, fields, model.client_id == bindparam("client_id"))
        return Statement(sql, {"client_id": client_id, "after_id": after_id})

    @staticmethod
    def audit_page(fields: Fields, pseudonym: str, after_id: int) -> Statement:
        """Return the statement that reads entries of the client with this pseudonym, and those about it."""
        is_about_client = or_(
            AuditEntryModel.path == bindparam("path"), AuditEntryModel.principal == bindparam("principal")
        )
        parameters = {"path": f"/clients/{pseudonym}", "principal": f"client:{pseudonym}", "after_id": after_id}
        return Statement(_page_sql(AuditEntryModel, fields, is_about_client), parameters)

    @staticmethod
    def parts(model: Any, fields: Fields, reference: str, id_keys: Sequence[int]) -> Statement:
        """Return the statement that reads the rows whose column `reference` contains one of the keys."""
        return Statement(_parts_sql(model, fields, reference), {"values": list(id_keys)})

    @staticmethod
    def api_keys(fields: Fields, client_id: int) -> Statement:
        return Statement(_api_keys_sql(fields), {"client_id": client_id})


def _page_sql(model: Any, fields: Fields, condition: ColumnElement[bool]) -> str:
    rows = select(*columns_of(model, fields)).where(condition, model.id_key > bindparam("after_id"))
    return compiled(rows.order_by(model.id_key).limit(literal_column(f"{PAGE:d}")))


@cache
def _parts_sql(model: Any, fields: Fields, reference: str) -> str:
    condition = _is_one_of(getattr(model, reference), BigInteger)
    return compiled(select(*columns_of(model, fields)).where(condition).order_by(*inspect(model).primary_key))


@cache
def _api_keys_sql(fields: Fields) -> str:
    names = (getattr(ApiKeyModel, name) for name in fields)
    rows = select(*names).where(ApiKeyModel.client_id == bindparam("client_id"))
    return compiled(rows.order_by(ApiKeyModel.created_at))


def _is_one_of(column: Any, kind: Any) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = column == any_(bindparam("values", type_=ARRAY(kind)))
    return condition
