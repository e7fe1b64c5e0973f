"""Table of all resources, for the tests of their common behaviour. A new entity is a new row."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.factories import Factory, Object

_numbers = itertools.count(1)

# The target of each reference: its name in messages, its path, and a function that creates one.
TARGETS: dict[str, tuple[str, str, Callable[[Factory], Object]]] = {
    "client_id": ("Client", "/clients", lambda make: make.customer()),
    "bill_id": ("Bill", "/bills", lambda make: make.bill()),
    "category_id": ("Category", "/categories", lambda make: make.category()),
    "order_id": ("Order", "/orders", lambda make: make.order()),
    "product_id": ("Product", "/products", lambda make: make.product(stock=1000)),
}


@dataclass(frozen=True)
class Field:
    """Field of an entity. `example` makes a valid value from a unique number; kind "text" accepts any text, "word" any
    text without spaces.

    `default` is the value after a create without the field; `...` stands for a value that the server generates. A body
    contains an `omitted` field only if it is set.
    """

    kind: str
    example: Callable[[int], Any]
    update: Any = None
    required: bool = True
    nullable: bool = False
    omitted: bool = False
    default: Any = None
    accepted: tuple[Any, ...] = ()
    refused: tuple[Any, ...] = ()


def text(value: str, update: str, longest: int, **more: Any) -> Field:
    bounds = {"accepted": ("x", "x" * longest, "ñ" * longest), "refused": ("", " \t\n ", "x" * (longest + 1))}
    return Field("text", lambda _: value, update, **(bounds | more))


def unique_text(value: str, update: str, kind: str = "text", **more: Any) -> Field:
    return Field(kind, value.format, update, **more)


def optional_text(value: str, update: str, longest: int) -> Field:
    return text(value, update, longest, required=False, nullable=True, refused=("x" * (longest + 1),))


def money(value: float, update: float, **more: Any) -> Field:
    bounds = {"accepted": (0.01, 9999999999.99), "refused": (-0.01, 10_000_000_000, 1.001, 0.001, 1.000002)}
    return Field("number", lambda _: value, update, **(bounds | more))


def integer(value: int, update: int, **more: Any) -> Field:
    bounds = {"refused": (-1, 2**31, 2**63, 1.5, 2.0)}
    return Field("integer", lambda _: value, update, **(bounds | more))


def choice(value: Any, update: Any, *refused: Any, **more: Any) -> Field:
    return Field("choice", lambda _: value, update, refused=refused, **more)


def time(value: str, update: str, **more: Any) -> Field:
    refused = ("", "yesterday", "2026-02-30", "2026-13-01", "1700006400", "1e5", "26-01-01")
    bounds: dict[str, Any] = {"refused": refused, "required": False, "default": ...}
    return Field("time", lambda _: value, update, **(bounds | more))


REFERENCE = Field("reference", lambda _: None)


@dataclass(frozen=True)
class Entity:
    """Resource with its fields. `name` is used in messages; `unique` maps a field to the message for a duplicate."""

    name: str
    path: str
    fields: Mapping[str, Field]
    unique: Mapping[str, str] = field(default_factory=dict)
    sorts: tuple[str, ...] = ("id_key",)

    @property
    def references(self) -> list[str]:
        return [name for name, spec in self.fields.items() if spec.kind == "reference"]

    @property
    def required(self) -> list[str]:
        return [name for name, spec in self.fields.items() if spec.required]

    def body(self, make: Factory, **given: Any) -> Object:
        """Return a valid body with every field; create the referenced objects that are not given."""
        number = next(_numbers)
        return {
            name: given[name] if name in given else self._value(name, spec, make, number)
            for name, spec in self.fields.items()
        }

    def shown(self, values: Object) -> Object:
        """Return the values as a response shows them."""
        return {
            name: value
            for name, value in values.items()
            if value is not None or name not in self.fields or not self.fields[name].omitted
        }

    def make(self, make: Factory, **given: Any) -> Object:
        return make.post(self.path, self.body(make, **given))

    def make_many(self, make: Factory, how_many: int, **given: Any) -> list[Object]:
        """Create objects with the same references."""
        same = {name: TARGETS[name][2](make)["id_key"] for name in self.references if name not in given}
        return [self.make(make, **same, **given) for _ in range(how_many)]

    def updates(self) -> Object:
        """Return a new value for each field that is no reference."""
        return {name: spec.update for name, spec in self.fields.items() if spec.kind != "reference"}

    @staticmethod
    def _value(name: str, spec: Field, make: Factory, number: int) -> Any:
        return TARGETS[name][2](make)["id_key"] if spec.kind == "reference" else spec.example(number)


ENTITIES = (
    Entity(
        "Client",
        "/clients",
        {
            "name": text("John", "Jane", 100),
            "lastname": text("Doe", "Roe", 100),
            "email": unique_text(
                "john.{}@shop.example.com",
                "jane@example.com",
                "pattern",
                accepted=("a@b.co", "José@example.com"),
                refused=(
                    "",
                    "john",
                    "john@",
                    "@example.com",
                    "a b@example.com",
                    "a@b@c.de",
                    f"{'x' * 250}@example.com",
                ),
            ),
            "telephone": Field(
                "pattern",
                lambda _: "+1234567890",
                "9876543210",
                required=False,
                nullable=True,
                accepted=("1234567", "+12345678901234567890"),
                refused=("", "0123456789", "+0123456", "123456", "1" * 21, "12345678x", "123456\u0667", "1234567\n89"),
            ),
        },
        unique={"email": "Email already registered"},
        sorts=("id_key", "name", "lastname"),
    ),
    Entity(
        "Address",
        "/addresses",
        {
            "street": text("Main Street", "Side Street", 200),
            "number": optional_text("12 B", "13", 20),
            "city": text("Springfield", "Shelbyville", 100),
            "client_id": REFERENCE,
        },
    ),
    Entity(
        "Category",
        "/categories",
        {"name": unique_text("Shelf {}", "Toys", accepted=("x", "x" * 100), refused=("", "  ", "x" * 101))},
        unique={"name": "Category name already exists"},
        sorts=("id_key", "name"),
    ),
    Entity(
        "Product",
        "/products",
        {
            "name": text("Laptop", "Notebook", 200),
            "price": money(999.99, 899.5, refused=(0, -1, 10_000_000_000, 1.001, 0.001, 1e-7)),
            "stock": integer(10, 7, required=False, default=0, accepted=(0, 2**31 - 1)),
            "category_id": REFERENCE,
            "sku": unique_text(
                "SKU-{}",
                "sku-new",
                "word",
                required=False,
                nullable=True,
                omitted=True,
                accepted=("x", "x" * 64, "ñ№/7"),
                refused=("", " ", "x" * 65, "a b", "a\u00a0b", "a\tb", "a\u200bb", "a\u00adb"),
            ),
        },
        unique={"sku": "SKU already exists"},
        sorts=("id_key", "name", "price", "stock"),
    ),
    Entity(
        "Bill",
        "/bills",
        {
            "bill_number": unique_text(
                "B-{}",
                "B-new",
                required=False,
                default=...,
                accepted=("x", "x" * 50),
                refused=("", "  ", "x" * 51),
            ),
            "discount": money(1.25, 2.5, required=False, default=0, accepted=(0, 100), refused=(-1, 1.001, 1e10)),
            "date": time("2026-03-04", "2026-05-06", accepted=("0001-01-01", "9999-12-31")),
            "total": money(100, 150.55, accepted=(1.25, 9999999999.99)),
            "payment_type": choice("card", "cash", "", "CASH", "cheque", 1),
        },
        unique={"bill_number": "Bill number already exists"},
        sorts=("id_key", "date"),
    ),
    Entity(
        "Order",
        "/orders",
        {
            "date": time(
                "2026-03-04T05:06:07.123456Z", "2026-05-06T07:08:09Z", accepted=("2026-01-01T00:00:00+14:00",)
            ),
            "total": money(100.5, 50, accepted=(0, 9999999999.99)),
            "delivery_method": choice(3, 1, 0, 4, -1, "DRIVE_THRU", 1.5),
            "status": choice(1, 2, 0, 5, -1, "PENDING", 1.5, required=False, default=1, accepted=(1, 2, 3, 4)),
            "client_id": REFERENCE,
            "bill_id": REFERENCE,
        },
        sorts=("id_key", "date"),
    ),
    Entity(
        "OrderDetail",
        "/order_details",
        {
            "quantity": integer(2, 3, refused=(0, -1, 2**31, 1.5, 2.0)),
            "price": money(999.99, 999.99, required=False, default=999.99, accepted=(), refused=(0, -1, 1.001, 1e10)),
            "order_id": REFERENCE,
            "product_id": REFERENCE,
        },
    ),
    Entity(
        "Review",
        "/reviews",
        {
            "rating": Field("number", lambda _: 4.5, 3, accepted=(0, 5, 0.1, 4.999), refused=(-0.1, 5.1, 1e300)),
            "comment": optional_text("Excellent product!", "Broke after a day", 2000),
            "product_id": REFERENCE,
        },
        sorts=("id_key", "rating"),
    ),
)

every_entity = pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
