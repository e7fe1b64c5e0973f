"""Unit of work: retries, refusals, and the translation of database errors."""

import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Engine, text

from config.settings import Settings
from controllers.http.exception_handlers import STATUSES
from controllers.http.idempotency import stored_response
from infrastructure.exceptions import DatabaseUnavailableError
from infrastructure.postgres.database import Database
from repositories.category_repository import CategoryRepository
from repositories.order_detail_repository import OrderDetailRepository
from repositories.system.idempotency_repository import RequestKey, StoredResponse
from schemas.category_schema import CategoryFilters
from services.context.app_context import AppContext
from services.context.request_context import INTERNAL, IdempotentRequest
from services.exceptions import InvalidError, NotFoundError, ServiceError, UnexplainedRefusalError
from services.order_detail_service import OrderDetailService
from services.rendering import Created
from services.transactions.creation import MAX_ATTEMPTS, CreatingService
from services.transactions.unit_of_work import RETRIES, UnitOfWork, run_with_retries, unit_of_work
from tests.factories import Factory
from tests.servers import until

RETRIED = "db_transaction_retries_total"
KEY = RequestKey("", "a key", "POST", "/nowhere", b"f" * 32)


MADE = Created(b"{}", 1)

Work = Callable[[UnitOfWork], Created]


class Transactions:
    """Runner of work in a unit of work, as in a service."""

    def __init__(self, app_context: AppContext) -> None:
        self.app_context = app_context

    def run(self, work: Work, key: RequestKey | None = None) -> Created | StoredResponse:
        idempotent = IdempotentRequest(key, partial(stored_response, "/nowhere")) if key else None

        def use_case() -> Created | StoredResponse:
            with unit_of_work(self.app_context, INTERNAL._replace(idempotent=idempotent), {}) as tx:
                if tx.replay:
                    return tx.replay
                tx.outcome = created = work(tx)
                return created

        return run_with_retries(use_case)


@pytest.fixture
def transactions(app: FastAPI, committing_client: TestClient) -> Transactions:
    return Transactions(app.state.app_context)


def retries(client: TestClient) -> float:
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(RETRIED))


def add_category(tx: UnitOfWork) -> None:
    CategoryRepository(tx).insert({"name": "made"}, ("id_key",))


def failing(code: str, times: int, ran: list[str]) -> Work:
    """Return work that adds a category and then fails with `code` in its first `times` runs."""

    def work(tx: UnitOfWork) -> Created:
        ran.append(code)
        add_category(tx)
        if len(ran) <= times:
            tx.session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$"))
        return MADE

    return work


@pytest.mark.parametrize("code", ["40P01", "40001"], ids=["deadlock", "serialization failure"])
@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "with a key"])
def test_conflict_is_retried_up_to_three_times(
    transactions: Transactions, committing_client: TestClient, code: str, key: RequestKey | None
) -> None:
    before = retries(committing_client)
    ran: list[str] = []
    assert transactions.run(failing(code, RETRIES, ran), key) == MADE
    assert (len(ran), retries(committing_client) - before) == (1 + RETRIES, RETRIES)
    assert [made["name"] for made in committing_client.get("/categories").json()] == ["made"]


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "with a key"])
def test_endless_conflict_is_given_up_and_leaves_nothing(
    transactions: Transactions, committing_client: TestClient, key: RequestKey | None
) -> None:
    ran: list[str] = []
    with pytest.raises(DatabaseUnavailableError):
        transactions.run(failing("40P01", 99, ran), key)
    assert len(ran) == 1 + RETRIES
    assert committing_client.get("/categories").json() == []
    assert transactions.run(lambda _: MADE, key) == MADE


def test_deadlock_victim_is_retried(committing_client: TestClient, committing: Database, superuser: Engine) -> None:
    """Lock the products in the other order in a second transaction with long timeouts."""
    make = Factory(committing_client)
    first, second = (make.product(stock=5)["id_key"] for _ in range(2))
    items = [{"product_id": product, "quantity": 1} for product in (first, second)]
    body = {"client_id": make.customer()["id_key"], "delivery_method": 1, "payment_type": "cash", "items": items}
    before = retries(committing_client)
    lock = text("SELECT FROM products WHERE id_key = :id_key FOR UPDATE")
    with ThreadPoolExecutor(1) as pool:
        with superuser.execution_options(isolation_level="READ COMMITTED").begin() as other:
            other.execute(text("SET LOCAL deadlock_timeout = '60s'; SET LOCAL lock_timeout = '20s'"))
            other.execute(text("SET LOCAL statement_timeout = '20s'"))
            other.execute(lock, {"id_key": second})
            checkout = pool.submit(committing_client.post, "/orders/checkout", json=body)
            until(lambda: has_lock_waiter(committing))
            other.execute(lock, {"id_key": first})
        assert checkout.result(30).status_code == 201
    assert retries(committing_client) - before == 1
    assert [product["stock"] for product in committing_client.get("/products").json()] == [4, 4]


def has_lock_waiter(committing: Database) -> bool:
    with committing.engine.connect() as connection:
        return bool(connection.scalar(text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")))


def test_refusal_of_invalid_input_is_not_stored(transactions: Transactions) -> None:
    def refuse(_: UnitOfWork) -> Created:
        raise InvalidError("does not fit", "total")

    with pytest.raises(InvalidError):
        transactions.run(refuse, KEY)
    assert transactions.run(lambda _: MADE, KEY) == MADE
    assert transactions.run(lambda _: MADE, KEY) == StoredResponse(201, b"{}", "/nowhere/1")


def test_stored_refusal_rolls_back_the_work(transactions: Transactions, committing_client: TestClient) -> None:
    def refuse(tx: UnitOfWork) -> Created:
        add_category(tx)
        raise NotFoundError("Product", 1)

    with pytest.raises(NotFoundError):
        transactions.run(refuse, KEY)
    assert transactions.run(refuse, KEY) == StoredResponse(404, b'{"message":"Product with id 1 not found"}')
    assert committing_client.get("/categories").json() == []


@pytest.mark.parametrize(
    ("statement", "status", "message"),
    [
        ("INSERT INTO categories (name) VALUES ('x'), ('x')", 409, "Value already exists"),
        ("INSERT INTO reviews (rating, product_id) VALUES (9, 1)", 422, "Violates the rule: rating range"),
        ("SELECT cast(10 ^ 11 AS numeric(12, 2))", 409, "The result is out of range"),
    ],
)
def test_constraint_violation_is_translated(
    transactions: Transactions, statement: str, status: int, message: str
) -> None:
    def work(tx: UnitOfWork) -> Created:
        tx.session.execute(text(statement))
        return MADE

    with pytest.raises(ServiceError, match=message) as raised:
        transactions.run(work)
    assert STATUSES[type(raised.value)] == status


def test_exhausted_pool_is_503(app: FastAPI, committing_client: TestClient, settings: Settings) -> None:
    app_context = app.state.app_context
    tight = {"db_pool_size": 1, "db_max_overflow": 0, "db_threads": 1, "db_pool_timeout": 0.1}
    own, app_context.database = app_context.database, Database(settings.model_copy(update=tight))

    def post() -> Response:
        return committing_client.post("/categories", json={"name": "Toys"})

    try:
        with app_context.database.engine.connect():
            busy = committing_client.patch("/categories/1", json={"name": "Toys"})
        with own.engine.begin() as other, ThreadPoolExecutor(1) as pool:
            other.execute(text("LOCK TABLE categories IN EXCLUSIVE MODE"))
            waiting = pool.submit(post)
            until(lambda: has_lock_waiter(own))
            queued = post()
            other.rollback()
            free = waiting.result(30)
    finally:
        app_context.database.close()
        app_context.database = own
    assert [answer.status_code for answer in (busy, queued, free)] == [503, 503, 201]
    assert busy.headers["Retry-After"] == queued.headers["Retry-After"]


def test_closed_idle_connection_is_not_used(app: FastAPI, committing_client: TestClient) -> None:
    made = committing_client.post("/categories", json={"name": "Toys"})
    with closing(app.state.app_context.database.engine.raw_connection()) as idle:
        descriptor = os.dup(idle.dbapi_connection.fileno())
    shut_down(descriptor)
    changed = committing_client.patch(made.headers["Location"], json={"name": "Books"})
    assert changed.status_code == 200


def test_closed_idle_write_connection_is_not_used(app: FastAPI, committing_client: TestClient) -> None:
    """Discard it before use: the outcome of a statement sent over it would be unknown."""
    committing_client.post("/categories", json={"name": "Toys"})
    writes = app.state.app_context.database.writes
    closed = list(writes._idle)
    for idle in closed:
        shut_down(os.dup(idle._connection.fileno()))
    assert committing_client.post("/categories", json={"name": "Books"}).status_code == 201
    assert closed
    assert not set(closed) & set(writes._idle)


def shut_down(descriptor: int) -> None:
    with socket.socket(fileno=descriptor) as line:
        line.shutdown(socket.SHUT_RDWR)


def disable_single_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the single statement of every creation refuse, so that creations run in worker threads."""

    async def refuse(*_: object) -> None:
        return None

    monkeypatch.setattr(CreatingService, "_create_by_statement", refuse)


def test_sale_is_retried_after_an_outdated_refusal(
    client: TestClient, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let the stock return after both statements failed, alone and in a transaction, and before the explanation."""
    insert, tries = OrderDetailRepository.insert, list[Any]()

    def fail_once(self: OrderDetailRepository, values: Any, fields: Any) -> Any:
        tries.append(values)
        return insert(self, values, fields) if len(tries) > 1 else []

    disable_single_statement(monkeypatch)
    monkeypatch.setattr(OrderDetailRepository, "insert", fail_once)
    detail = make.order_detail(quantity=2)
    assert (len(tries), detail["quantity"]) == (2, 2)
    assert client.get("/products").json()[0]["stock"] == 8


def test_unexplained_refusal_ends_after_a_few_attempts(
    client: TestClient, make: Factory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Simulate a condition that only the statement has: the error names both places."""
    order, product, tries = make.order(), make.product(stock=5), list[Any]()

    def refuse(*arguments: Any) -> list[Any]:
        tries.append(arguments)
        return []

    monkeypatch.setattr(OrderDetailRepository, "insert", refuse)
    disable_single_statement(monkeypatch)
    body = {"quantity": 1, "order_id": order["id_key"], "product_id": product["id_key"]}
    refused = client.post("/order_details", json=body)
    assert (refused.status_code, refused.json()) == (500, {"detail": "Internal server error"})
    assert len(tries) == MAX_ATTEMPTS
    [logged] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert logged.exc_info
    assert isinstance(logged.exc_info[1], UnexplainedRefusalError)
    for place in ("OrderDetailRepository.insert_statement", OrderDetailService.explain_refusal.__qualname__):
        assert place in str(logged.exc_info[1])
    assert client.get("/order_details").json() == []


def test_unit_of_work_reads_a_page_of_entities(transactions: Transactions, committing_client: TestClient) -> None:
    made = [Factory(committing_client).category() for _ in range(3)]
    query = CategoryFilters(skip=1, limit=1)
    names: list[str] = []

    def read(tx: UnitOfWork) -> Created:
        names.extend(one.name for one in CategoryRepository(tx).find_all(query))
        return MADE

    transactions.run(read)
    assert names == [made[1]["name"]]
