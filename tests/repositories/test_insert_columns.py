"""Columns of the insert statements: every field of a create schema reaches its table."""

import re
from typing import Any, get_args

import pytest
from fastapi import FastAPI

from controllers import CONTROLLERS
from controllers.base_controller_impl import BaseController
from repositories.checkout_repository import CheckoutRepository
from repositories.statements.statement import Statement
from schemas.base_schema import BaseSchema
from schemas.checkout_schema import CheckoutCreate, CheckoutItem
from services.checkout_service import CheckoutService
from services.context.request_context import INTERNAL
from tests.entities import ENTITIES

Controller = type[BaseController[Any, Any, Any]]


def create_schema(controller: Controller) -> type[BaseSchema]:
    schema: type[BaseSchema] = get_args(controller.__orig_bases__[0])[0]  # type: ignore[attr-defined] # Generic's
    return schema


PATHS = {entity.path for entity in ENTITIES}
CREATING = [controller for controller in CONTROLLERS if controller.prefix in PATHS]


def inserted_columns(sql: str, table: str) -> set[str]:
    """Return the columns that the statement writes to the table."""
    [columns] = re.findall(rf"INSERT INTO {table} \(([^)]+)\)", sql)
    return {column.strip() for column in columns.split(",")}


def parameters_used(statement: Statement) -> set[str]:
    """Return the names of the parameters that occur in the SQL and have a value."""
    return set(re.findall(r"%\((\w+)\)s", statement.sql)) & statement.parameters.keys()


@pytest.mark.parametrize("controller", CREATING, ids=lambda controller: controller.prefix)
def test_every_created_field_reaches_the_insert_statement(app: FastAPI, controller: Controller) -> None:
    """Pass the values through the service, so that neither the service nor the statement may drop a field."""
    schema, service = create_schema(controller), controller.service(app.state.app_context)
    entity = next(entity for entity in ENTITIES if entity.path == controller.prefix)
    body = {name: 1 if name in entity.references else spec.example(1) for name, spec in entity.fields.items()}
    values = service.before_save(INTERNAL, schema.model_validate(body))
    statement = service.repository.insert_statement(values, service.fields).compose()
    fields = schema.model_fields.keys()
    assert fields - inserted_columns(statement.sql, service.repository.model.__tablename__) == set()
    assert fields - parameters_used(statement) == set()


CHECKOUT = {
    "client_id": 1,
    "delivery_method": 1,
    "payment_type": "cash",
    "bill_number": "B-1",
    "address_id": 1,
    "items": [{"product_id": 1, "quantity": 1}],
}


@pytest.fixture
def checkout_statement(app: FastAPI) -> Statement:
    """Return the statement of a checkout without optional fields except `bill_number` and `address_id`."""
    new = CheckoutCreate.model_validate(CHECKOUT)
    values = CheckoutService(app.state.app_context).before_save(INTERNAL, new)
    return CheckoutRepository.insert_statement(values).compose()


def test_every_checkout_field_reaches_the_insert_statement(checkout_statement: Statement) -> None:
    fields = CheckoutCreate.model_fields.keys() - {"items"}
    tables = ("orders", "bills", "shipping_addresses")
    assert fields - {column for table in tables for column in inserted_columns(checkout_statement.sql, table)} == set()
    assert fields - parameters_used(checkout_statement) == set()


def test_every_checkout_item_field_reaches_the_insert_statement(checkout_statement: Statement) -> None:
    """Expect one list per field, named by its plural."""
    fields = CheckoutItem.model_fields.keys()
    assert fields - inserted_columns(checkout_statement.sql, "order_details") == set()
    plurals = {field: re.sub("y$", "ie", field) + "s" for field in fields}
    assert set(plurals.values()) - parameters_used(checkout_statement) == set()
