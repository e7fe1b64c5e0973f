"""`fold_case` and `fold_search`: Unicode's case folding, and search without accents."""

# ruff: noqa: RUF001 # letters that look like others
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Mapping

import pytest
from sqlalchemy import text

from infrastructure.postgres.database import Database

CASED = [
    char
    for char in map(chr, range(1, sys.maxunicode + 1))
    if char.casefold() != char or char.upper() != char or char.lower() != char
]


def fold(database: Database, function: str, *texts: str) -> list[str]:
    statement = text(f"SELECT {function}(value) FROM unnest(:texts) WITH ORDINALITY AS t (value, place) ORDER BY place")
    with database.engine.connect() as connection:
        return list(connection.scalars(statement, {"texts": list(texts)}))


def groups(folded: Mapping[str, str]) -> dict[str, set[str]]:
    """Return for each character those that fold to the same."""
    of = defaultdict(set)
    for char, form in folded.items():
        of[form].add(char)
    return {char: of[form] for char, form in folded.items()}


def test_characters_are_equal_where_unicode_says_so(committing: Database) -> None:
    """Compare with Python's case folding. PostgreSQL may know pairs of a later version of Unicode."""
    expected = groups({char: unicodedata.normalize("NFD", char).casefold() for char in CASED})
    found = groups(dict(zip(CASED, fold(committing, "fold_case", *CASED), strict=True)))
    wrong = {char for char in CASED if found[char] != expected[char]}
    assert wrong == set(), sorted(map(ascii, wrong))


@pytest.mark.parametrize(
    ("given", "case", "search"),
    [
        ("Plain ASCII", "plain ascii", "plain ascii"),
        ("ΝΙΚΟΣ Νίκος", "νικοσ νίκοσ", "νικοσ νικοσ"),
        ("STRASSE Straße STRAẞE", "strasse strasse strasse", "strasse strasse strasse"),
        ("İstanbul ISPARTA ılık", "i̇stanbul isparta ılık", "istanbul isparta ilik"),
        ("Crème Cre\u0300me", "crème crème", "creme creme"),
        ("Łódź Ærø Đỗ þorn", "łódź ærø đỗ þorn", "lodz aero do thorn"),
        ("ﬁne ǅ №", "fine ǆ №", "fine dz no"),
        ("ＡＢ Ｃ％", "ａｂ ｃ％", "ab c%"),
        ("日本語 각 が", "日本語 각 が", "日本語 각 が"),
        ("\u0301", "\u0301", "\u0301"),
    ],
)
def test_folded_forms(committing: Database, given: str, case: str, search: str) -> None:
    assert [*fold(committing, "fold_case", given), *fold(committing, "fold_search", given)] == [case, search]


def test_folding_does_not_depend_on_the_search_path(committing: Database) -> None:
    with committing.engine.connect() as connection:
        connection.execute(text("SET LOCAL search_path = pg_catalog"))
        assert connection.scalar(text("SELECT public.fold_search('Ærø ΣΑΣ')")) == "aero σασ"


def test_folding_a_folded_text_changes_nothing(committing: Database) -> None:
    for function in ("fold_case", "fold_search"):
        once = fold(committing, function, *CASED)
        assert fold(committing, function, *once) == once
