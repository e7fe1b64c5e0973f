"""Text searches: an index is asked for a part of the text, and must find all matches of the whole."""

import unicodedata
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection

from repositories.client_repository import ClientRepository
from repositories.product_repository import ProductRepository
from repositories.queries.filters import Filter
from schemas.client_schema import ClientFilters
from schemas.product_schema import ProductFilters
from tests.database import analyze

PRODUCTS = f"""
    INSERT INTO categories (id_key, name) VALUES (1, 'a');
    INSERT INTO products (name, price, category_id) SELECT 'Chair ' || n, 1, 1 FROM generate_series(1, 2000) AS n;
    {analyze("products")}
"""
NAMES = (
    "Johnson Ukulele 168, red",
    "Bow B4 5l, oak  ab-c",
    "Müller-Lüdenscheidt's GROSSE Tür",
    "ΟΔΟΣ ΣΟΣΙΑΛ όλος",
    "İstanbul'dan ılık ISPARTA",  # noqa: RUF001 # Turkish
    "100%_a\\b '\" $1 %(x)s",
    "ﬁne ǅ Straße ẞ 日本語のギター",
    "aaaaaaa aaa aa a",
    "Crème № ½ Łódź Ærø ÅÅ \u0915\u093cが각",
)


@pytest.mark.parametrize(
    ("text", "indexed"),
    [
        ("ab", ()),
        ("a b%c_d", ()),
        ("abc", (0,)),
        ("abc de", (0,)),
        ("de abc", (1,)),
        ("red Johnson Ukulele", (1, 2)),
        ("Johnson red Ukulele Stand", (0, 2)),
        ("x_y %abc%", (1,)),
    ],
)
def test_index_is_asked_for_the_two_longest_words(text: str, indexed: tuple[int, ...]) -> None:
    query = ProductFilters(q=text)
    assert Filter.of("q", query.where("q"), query.q).indexed == indexed
    statement = ProductRepository.page(query, ("id_key",))
    assert statement.sql.count(" LIKE ") % max(1, len(indexed)) == 0
    assert (" LIKE " in statement.sql) == bool(indexed)


def parts(name: str) -> Iterator[str]:
    """Yield every part of the name, trimmed as in a request."""
    for start in range(len(name)):
        for end in range(start + 1, len(name) + 1):
            if part := name[start:end].strip():
                yield part


@pytest.mark.parametrize("name", NAMES)
def test_search_finds_a_name_by_every_part(app: FastAPI, client: TestClient, name: str) -> None:
    """Search also in another letter case, with the words in another order, and decomposed."""
    connection: Connection = app.state.app_context.database.connection
    connection.exec_driver_sql("INSERT INTO categories (id_key, name) VALUES (1, 'a')")
    insert = "INSERT INTO products (id_key, name, price, category_id) VALUES (1, %s, 1, 1), (2, 'another', 1, 1)"
    connection.exec_driver_sql(insert, (name,))
    for part in sorted(set(parts(name))):
        backwards = " ".join(reversed(part.split()))
        for text in (part, part.swapcase(), backwards, unicodedata.normalize("NFD", part)):
            folded = "SELECT bool_and(strpos(fold_search(%s), fold_search(word)) > 0) FROM unnest(%s) AS word"
            for sort in ("id_key", "price"):
                query = ProductFilters.model_validate({"q": text, "sort": sort})
                assert query.q
                is_met = connection.exec_driver_sql(folded, (name, query.q.split())).scalar()
                statement = ProductRepository.page(query, ("id_key", "price"))
                found = [row[0] for row in connection.exec_driver_sql(statement.sql, statement.parameters)]
                assert (1 in found) == is_met, (part, text)
            assert is_met or text == part.swapcase(), (part, text)


def test_search_uses_its_index(app: FastAPI, client: TestClient) -> None:
    """Forbid scans of the table and of a whole index: the planner prefers them for a few rows."""
    connection: Connection = app.state.app_context.database.connection
    for scan in ("seqscan", "indexscan", "indexonlyscan"):
        connection.exec_driver_sql(f"SET LOCAL enable_{scan} = off")
    statement = ClientRepository.total(ClientFilters(q="Vincent"))
    plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement.sql}", statement.parameters).scalars())
    assert "ix_clients_bucket_search_text_trgm" in plan
    connection.exec_driver_sql(PRODUCTS)  # otherwise an index of all products is as good
    searched = ProductRepository.total(ProductFilters(q="Ukulele"))
    plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {searched.sql}", searched.parameters).scalars())
    assert "ix_products_category_id_bucket_words" in plan
    assert "ix_product_words_word_trgm" in plan
