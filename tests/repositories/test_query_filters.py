"""Text searches: the trigram index is asked for a part of the text, and must find all matches of the whole."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection

from repositories.client_repository import ClientRepository
from repositories.product_repository import ProductRepository
from schemas.client_schema import ClientFilters
from schemas.product_schema import ProductFilters

NAMES = (
    "Johnson Ukulele 168, red",
    "Bow B4 5l, oak  ab-c",
    "Müller-Lüdenscheidt's GROSSE Tür",
    "ΟΔΟΣ ΣΟΣΙΑΛ όλος",
    "İstanbul'dan ılık ISPARTA",  # noqa: RUF001 # Turkish
    "100%_a\\b '\" $1 %(x)s",
    "ﬁne ǅ Straße ẞ 日本語のギター",
    "aaaaaaa aaa aa a",
)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("ab", None),
        ("a b%c_d", None),
        ("Σ ab", None),
        ("abc", "%abc%"),
        ("Hammerschmidt", "%Hammerschmidt%"),
        ("Johnson Ukulele", "%Joh%Uku%"),
        ("Johnson U", "%Joh% U%"),
        ("Johnson U2 Ukulele", "%Joh% U2%Uku%"),
        ("a 12 abc", "% 12%abc%"),
        ("a_b ab-cd abc", "% ab%abc%"),
        ("abcΣ abΣ", "%abc% ab%"),
        ("x_100%abc", "%100%abc%"),
        ("s ΟΔΟΣ", "%ΟΔΟ%"),
    ],
)
def test_trigram_pattern_has_the_beginnings_of_words(text: str, pattern: str | None) -> None:
    query = ProductFilters(q=text)
    assert ProductRepository.page(query, ("id_key",)).parameters.get("q_trigrams") == pattern


def parts(name: str) -> Iterator[str]:
    """Yield every part of the name, trimmed as in a request."""
    for start in range(len(name)):
        for end in range(start + 1, len(name) + 1):
            if part := name[start:end].strip():
                yield part


@pytest.mark.parametrize("name", NAMES)
def test_search_finds_a_name_by_every_part(app: FastAPI, client: TestClient, name: str) -> None:
    """Search in another letter case too, as far as PostgreSQL treats the letters as equal."""
    connection: Connection = app.state.app_context.database.connection
    connection.exec_driver_sql("INSERT INTO categories (id_key, name) VALUES (1, 'a')")
    insert = "INSERT INTO products (id_key, name, price, category_id) VALUES (1, %s, 1, 1), (2, 'another', 1, 1)"
    connection.exec_driver_sql(insert, (name,))
    for part in sorted(set(parts(name))):
        for query in (ProductFilters(q=part), ProductFilters(q=part, sort="price"), ProductFilters(q=part.swapcase())):
            lowered = "SELECT strpos(lower(%s), lower(%s)) > 0 OR strpos('another', lower(%s)) > 0"
            is_met = connection.exec_driver_sql(lowered, (name, query.q, query.q)).scalar()
            statement = ProductRepository.page(query, ("id_key", "price"))
            found = [row[0] for row in connection.exec_driver_sql(statement.sql, statement.parameters)]
            expected = connection.exec_driver_sql(
                "SELECT id_key FROM products WHERE strpos(lower(name), lower(%s)) > 0 ORDER BY 1", (query.q,)
            ).scalars()
            assert (found, is_met) == (list(expected), bool(found)), part


def test_search_uses_the_trigram_index(app: FastAPI, client: TestClient) -> None:
    """Forbid scans of the table and of a whole index: the planner prefers them for a few rows."""
    connection: Connection = app.state.app_context.database.connection
    for scan in ("seqscan", "indexscan", "indexonlyscan"):
        connection.exec_driver_sql(f"SET LOCAL enable_{scan} = off")
    statement = ClientRepository.total(ClientFilters(q="Vincent"))
    plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement.sql}", statement.parameters).scalars())
    assert "ix_clients_stretch_name_lastname_trgm" in plan
    searched = ProductRepository.total(ProductFilters(q="Ukulele"))
    plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {searched.sql}", searched.parameters).scalars())
    assert "ix_products_category_id_stretch_name_trgm" in plan
