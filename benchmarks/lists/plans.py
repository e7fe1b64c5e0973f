"""PostgreSQL's plans of all lists, for the statements that the service itself builds."""

from urllib.parse import parse_qsl, urlsplit

from benchmarks.common import report
from benchmarks.common.servers import Servers
from benchmarks.lists.queries import Query
from controllers import CONTROLLERS

INTRODUCTION = """
# Plans of the lists

The statements are those of the service, with `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF)`; each is run twice, and the
second, with its rows in memory, is shown.
"""


def write_plans(servers: Servers, database: str, queries: list[Query], page: int) -> None:
    sections = [f"## {query.resource}: {query.what}\n\n{plan(servers, database, query, page)}" for query in queries]
    report.RESULTS.mkdir(exist_ok=True)
    text = "\n\n".join([INTRODUCTION.strip(), *sections])
    (report.RESULTS / "lists_plans.md").write_text(text + "\n", encoding="utf-8")
    print("written to benchmarks/results/lists_plans.md")


def plan(servers: Servers, database: str, query: Query, page: int) -> str:
    path = query.path(page)
    controller = next(item for item in CONTROLLERS if item.prefix == f"/{query.resource}")
    asked = controller.filters.model_validate(dict(parse_qsl(urlsplit(path).query)))
    repository, fields = controller.service.repository, tuple(controller.service.schema.model_fields)
    statements = [repository.page(asked, fields)] + ([repository.total(asked)] if asked.count else [])
    shown = [_explained(servers, database, statement.sql, statement.parameters) for statement in statements]
    return f"`GET {path}`\n\n" + "\n\n".join(f"```\n{text}\n```" for text in shown)


def _explained(servers: Servers, database: str, sql: str, parameters: dict[str, object]) -> str:
    explain = f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {sql}"
    for _ in range(2):
        lines = servers.query(explain, parameters, database)
    return "\n".join(line for (line,) in lines)
