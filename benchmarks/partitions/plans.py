"""PostgreSQL's plans of the lists of orders and order details, with plain and with partitioned tables."""

from collections.abc import Mapping

from benchmarks.common import report
from benchmarks.common.servers import Servers
from repositories.order_detail_repository import OrderDetailRepository
from repositories.order_repository import OrderRepository
from repositories.queries.statement import Statement
from schemas.order_detail_schema import OrderDetailFilters
from schemas.order_schema import OrderFilters

INTRODUCTION = """
# Plans with partitions

The statements are those of the service, with `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF)`; each is run twice, and the
second, with its rows in memory, is shown.
"""


def write_plans(servers: Servers, databases: Mapping[str, str]) -> None:
    sections = []
    for what, statement in statements().items():
        sections.append(f"## {what}")
        for name, database in databases.items():
            sections.append(f"{name}:\n\n```\n{explained(servers, database, statement)}\n```")
    text = "\n\n".join([INTRODUCTION.strip(), *sections])
    (report.RESULTS / "partitions_plans.md").write_text(text + "\n", encoding="utf-8")


def statements() -> dict[str, Statement]:
    fields, lines = ("id_key", "date", "total", "client_id"), ("id_key", "order_id", "product_id", "quantity")
    return {
        "orders, first page": OrderRepository.page(OrderFilters(limit=10), fields),
        "orders, newest first": OrderRepository.page(OrderFilters(limit=10, sort="-date"), fields),
        "orders of a client": OrderRepository.page(OrderFilters(limit=10, client_id=8), fields),
        "orders of a status": OrderRepository.page(OrderFilters(limit=10, status=1), fields),
        "number of orders": OrderRepository.total(OrderFilters(count=True)),
        "lines of an order": OrderDetailRepository.page(OrderDetailFilters(order_id=8), lines),
        "lines of a product": OrderDetailRepository.page(OrderDetailFilters(product_id=8), lines),
    }


def explained(servers: Servers, database: str, statement: Statement) -> str:
    explain = f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {statement.sql}"
    for _ in range(2):
        lines = servers.query(explain, statement.parameters, database)
    return "\n".join(line for (line,) in lines)
