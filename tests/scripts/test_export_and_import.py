"""Exports and imports on the command line."""

import io
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from config.settings import Settings
from infrastructure.postgres.database import Database
from schemas.bulk.product_import_schema import ImportQuery
from scripts import import_products
from scripts.export import EXPORTED, export, format_of
from scripts.import_products import load, report
from services.bulk import import_check
from tests.entities import ENTITIES, Entity, every_entity
from tests.factories import Factory

# What an import writes. An event moves from the queue to the log meanwhile.
WRITTEN = text(
    "SELECT (SELECT count(*) FROM products), (SELECT count(*) FROM stock_movements), (SELECT count(*) FROM audit), "
    "(SELECT count(*) FROM events) + (SELECT count(*) FROM event_queue)"
)


@pytest.fixture
def shop(committing_client: TestClient) -> Factory:
    return Factory(committing_client)


def test_the_eight_resources_are_exported() -> None:
    assert {f"/{name}" for name in EXPORTED} >= {entity.path for entity in ENTITIES}


@every_entity
def test_an_export_is_that_of_the_service(shop: Factory, settings: Settings, entity: Entity) -> None:
    entity.make_many(shop, 3)
    for form in ("csv", "ndjson"):
        file, steps = io.BytesIO(), list[int]()
        size = export(settings, entity.path[1:], format_of(Path(f"x.{form}")), file, steps.append)
        answer = shop.client.get(f"{entity.path}/export", params={"format": form})
        assert (file.getvalue(), size, steps) == (answer.content, len(answer.content), [len(answer.content)])


def test_a_file_is_imported(
    shop: Factory, settings: Settings, committing: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(import_check, "ROWS", 2)
    product, other = shop.product(sku="A"), shop.product(sku="B")
    path, steps = f"/products/{product['id_key']}", list[tuple[str, int]]()
    shop.client.get(path)
    assert shop.client.get(path).headers["X-Cache-Hit"] == "true"
    table = b"sku,price\nA,5\nB,6\n" + b",\n" * 2
    for is_dry in (True, False):
        result = load(settings, io.BytesIO(table), "csv", ImportQuery(dry_run=is_dry), lambda *step: steps.append(step))
        assert report(result) == "0 created, 2 updated, 0 unchanged\n"
        assert shop.client.get(path).json() == product | ({} if is_dry else {"price": 5})
    assert steps == [("checked", len(table))] * 2 + [("written", 2)]
    wrong = load(settings, io.BytesIO(b"sku,price\nA,1\nB,0\n"), "csv", ImportQuery())
    assert report(wrong) == "Line 3: price: Input should be greater than 0\nNothing has changed.\n"
    assert shop.client.get(f"/products/{other['id_key']}").json() == other | {"price": 6}


def test_a_late_error_leaves_nothing_behind(
    shop: Factory, settings: Settings, committing: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_check, "ROWS", 100)
    product, category = shop.product(sku="A"), shop.category()["id_key"]
    created = [f"N{number},x,1,{category}" for number in range(996)]
    table = "\n".join(["sku,name,price,category_id", "A,changed,5,", *created, "B,x,0,1", "C,x,1,1", ""])
    with committing.engine.connect() as connection:
        before = connection.execute(WRITTEN).one()
    wrong = load(settings, io.BytesIO(table.encode()), "csv", ImportQuery())
    assert wrong["errors"][0] == {"line": 999, "detail": "price: Input should be greater than 0"}
    with committing.engine.connect() as connection:
        assert connection.execute(WRITTEN).one() == before
    assert shop.client.get(f"/products/{product['id_key']}").json() == product


def test_the_command_exits_with_1_if_lines_are_wrong(
    shop: Factory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "products.ndjson"
    for content, code, output in (
        (b'{"sku": "A"}', 1, "Line 1: name: Field required\nNothing has changed.\n"),
        (b"", 0, "0 created, 0 updated, 0 unchanged\n"),
    ):
        file.write_bytes(content)
        with pytest.raises(SystemExit) as ended:
            import_products.main(file, ImportQuery(), as_json=False)
        assert (ended.value.code, capsys.readouterr().out) == (code, output)
    with pytest.raises(SystemExit, match="No such file or directory"):
        import_products.main(tmp_path / "missing.csv", ImportQuery(), as_json=False)
