"""The transaction block: what it runs again, what it gives up, and what errors of the database mean."""

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
from sqlalchemy import text

from config.settings import Settings
from controllers.http.exception_handlers import STATUSES
from controllers.http.idempotency import stored_response
from infrastructure.exceptions import DatabaseUnavailableError
from infrastructure.postgres.database import Database
from repositories.category_repository import CategoryRepository
from repositories.idempotency_repository import RequestKey, StoredResponse
from repositories.order_detail_repository import OrderDetailRepository
from schemas.category_schema import CategoryFilters
from services.app_context import AppContext
from services.exceptions import InvalidError, NotFoundError, ServiceError, UnexplainedRefusalError
from services.order_detail_service import OrderDetailService
from services.rendering import Created
from services.request_context import INTERNAL, IdempotentRequest
from services.transactions.creation import MAX_ATTEMPTS, CreatingService
from services.transactions.unit_of_work import RETRIES, UnitOfWork, run_with_retries, unit_of_work
from tests.factories import Factory
from tests.servers import until

RETRIED = "db_transaction_retries_total"
KEY = RequestKey("", "a key", "POST", "/nowhere", b"f" * 32)


MADE = Created(b"{}", 1)

Work = Callable[[UnitOfWork], Created]


class Transactions:
    """Runs work in a unit of work, as a service does."""

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
    """Return work that adds a category, and that PostgreSQL then refuses with `code` so many times."""

    def work(tx: UnitOfWork) -> Created:
        ran.append(code)
        add_category(tx)
        if len(ran) <= times:
            tx.session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$"))
        return MADE

    return work


@pytest.mark.parametrize("code", ["40P01", "40001"], ids=["deadlock", "serialization failure"])
@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "with a key"])
def test_a_conflict_is_retried_up_to_three_times(
    transactions: Transactions, committing_client: TestClient, code: str, key: RequestKey | None
) -> None:
    before = retries(committing_client)
    ran: list[str] = []
    assert transactions.run(failing(code, RETRIES, ran), key) == MADE
    assert (len(ran), retries(committing_client) - before) == (1 + RETRIES, RETRIES)
    assert [made["name"] for made in committing_client.get("/categories").json()] == ["made"]


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "with a key"])
def test_a_conflict_without_end_is_given_up_and_leaves_nothing(
    transactions: Transactions, committing_client: TestClient, key: RequestKey | None
) -> None:
    ran: list[str] = []
    with pytest.raises(DatabaseUnavailableError):
        transactions.run(failing("40P01", 99, ran), key)
    assert len(ran) == 1 + RETRIES
    assert committing_client.get("/categories").json() == []
    assert transactions.run(lambda _: MADE, key) == MADE


def test_who_loses_a_deadlock_tries_again(committing_client: TestClient, committing: Database) -> None:
    """Somebody else locks the products in the other order, and is patient."""
    make = Factory(committing_client)
    first, second = (make.product(stock=5)["id_key"] for _ in range(2))
    items = [{"product_id": product, "quantity": 1} for product in (first, second)]
    body = {"client_id": make.customer()["id_key"], "delivery_method": 1, "payment_type": "cash", "items": items}
    before = retries(committing_client)
    lock = text("SELECT FROM products WHERE id_key = :id_key FOR UPDATE")
    with ThreadPoolExecutor(1) as pool:
        with committing.engine.begin() as other:
            other.execute(text("SET LOCAL deadlock_timeout = '60s'; SET LOCAL lock_timeout = '20s'"))
            other.execute(text("SET LOCAL statement_timeout = '20s'"))
            other.execute(lock, {"id_key": second})
            checkout = pool.submit(committing_client.post, "/orders/checkout", json=body)
            until(lambda: waits_for_a_lock(committing))
            other.execute(lock, {"id_key": first})
        assert checkout.result(30).status_code == 201
    assert retries(committing_client) - before == 1
    assert [product["stock"] for product in committing_client.get("/products").json()] == [4, 4]


def waits_for_a_lock(committing: Database) -> bool:
    with committing.engine.connect() as connection:
        return bool(connection.scalar(text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")))


def test_a_refusal_that_input_decided_is_not_kept(transactions: Transactions) -> None:
    def refuse(_: UnitOfWork) -> Created:
        raise InvalidError("does not fit", "total")

    with pytest.raises(InvalidError):
        transactions.run(refuse, KEY)
    assert transactions.run(lambda _: MADE, KEY) == MADE
    assert transactions.run(lambda _: MADE, KEY) == StoredResponse(201, b"{}", "/nowhere/1")


def test_a_refusal_that_is_kept_undoes_what_was_done(transactions: Transactions, committing_client: TestClient) -> None:
    def refuse(tx: UnitOfWork) -> Created:
        add_category(tx)
        raise NotFoundError("Product", 1)

    with pytest.raises(NotFoundError):
        transactions.run(refuse, KEY)
    assert transactions.run(refuse, KEY) == StoredResponse(404, b'{"message":"Product with id 1 not found"}')
    assert committing_client.get("/categories").json() == []


@pytest.mark.parametrize(
    ("statement", "status", "told"),
    [
        ("INSERT INTO categories (name) VALUES ('x'), ('x')", 409, "Value already exists"),
        ("INSERT INTO reviews (rating, product_id) VALUES (9, 1)", 422, "Violates the rule: rating range"),
    ],
)
def test_a_bound_that_only_the_database_knows(
    transactions: Transactions, statement: str, status: int, told: str
) -> None:
    def work(tx: UnitOfWork) -> Created:
        tx.session.execute(text(statement))
        return MADE

    with pytest.raises(ServiceError, match=told) as raised:
        transactions.run(work)
    assert STATUSES[type(raised.value)] == status


def test_a_stock_that_nobody_can_count_is_refused(client: TestClient, make: Factory) -> None:
    """More would have been put in than the column holds."""
    product = make.product(stock=2**31 - 1)
    make.order_detail(product_id=product["id_key"], quantity=1)
    refused = client.put(f"/products/{product['id_key']}", json={"stock": 2**31 - 1})
    assert (refused.status_code, refused.json()) == (409, {"detail": "The result is out of range"})
    assert client.get(f"/products/{product['id_key']}").json()["stock"] == 2**31 - 2


def test_no_connection_gets_free_in_time(app: FastAPI, committing_client: TestClient, settings: Settings) -> None:
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
            until(lambda: waits_for_a_lock(own))
            queued = post()
            other.rollback()
            free = waiting.result(30)
    finally:
        app_context.database.close()
        app_context.database = own
    assert [answer.status_code for answer in (busy, queued, free)] == [503, 503, 201]
    assert busy.headers["Retry-After"] == queued.headers["Retry-After"]


def test_an_idle_connection_that_was_closed_is_not_used(app: FastAPI, committing_client: TestClient) -> None:
    made = committing_client.post("/categories", json={"name": "Toys"})
    with closing(app.state.app_context.database.engine.raw_connection()) as idle:
        descriptor = os.dup(idle.dbapi_connection.fileno())
    shut(descriptor)
    changed = committing_client.patch(made.headers["Location"], json={"name": "Books"})
    assert changed.status_code == 200


def test_an_idle_connection_of_single_writes_that_was_closed_is_not_used(
    app: FastAPI, committing_client: TestClient
) -> None:
    """What a statement had done over it, nobody could tell."""
    committing_client.post("/categories", json={"name": "Toys"})
    writes = app.state.app_context.database.writes
    closed = list(writes._idle)
    for idle in closed:
        shut(os.dup(idle._connection.fileno()))
    assert committing_client.post("/categories", json={"name": "Books"}).status_code == 201
    assert closed
    assert not set(closed) & set(writes._idle)


def shut(descriptor: int) -> None:
    with socket.socket(fileno=descriptor) as line:
        line.shutdown(socket.SHUT_RDWR)


def leave_to_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a creation's one statement refuses."""

    async def refuse(*_: object) -> None:
        return None

    monkeypatch.setattr(CreatingService, "_create_by_statement", refuse)


def test_a_sale_whose_obstacle_has_gone_is_tried_again(
    client: TestClient, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stock came back between the statements that failed, alone and in a transaction, and the explanation."""
    insert, tries = OrderDetailRepository.insert, list[Any]()

    def fail_once(self: OrderDetailRepository, values: Any, fields: Any) -> Any:
        tries.append(values)
        return insert(self, values, fields) if len(tries) > 1 else []

    leave_to_threads(monkeypatch)
    monkeypatch.setattr(OrderDetailRepository, "insert", fail_once)
    detail = make.order_detail(quantity=2)
    assert (len(tries), detail["quantity"]) == (2, 2)
    assert client.get("/products").json()[0]["stock"] == 8


def test_a_refusal_without_a_reason_ends_after_a_few_attempts(
    client: TestClient, make: Factory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As if a condition had been added to the statement only: an error names both places."""
    order, product, tries = make.order(), make.product(stock=5), list[Any]()

    def refuse(*arguments: Any) -> list[Any]:
        tries.append(arguments)
        return []

    monkeypatch.setattr(OrderDetailRepository, "insert", refuse)
    leave_to_threads(monkeypatch)
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


def test_a_rule_may_read_a_page_of_entities(transactions: Transactions, committing_client: TestClient) -> None:
    made = [Factory(committing_client).category() for _ in range(3)]
    query = CategoryFilters(skip=1, limit=1)
    names: list[str] = []

    def read(tx: UnitOfWork) -> Created:
        names.extend(one.name for one in CategoryRepository(tx).find_all(query))
        return MADE

    transactions.run(read)
    assert names == [made[1]["name"]]
