"""The normal form of texts."""

import re
import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from schemas.types.text import INVISIBLE, normalize

INVISIBLE_CATEGORIES = {"Zs", "Zl", "Zp", "Cc", "Cf"}
OTHERS = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u2800\u3164\ufe0f\uffa0\U000e0100"


def test_white_space_control_and_format_characters_are_invisible() -> None:
    is_invisible = re.compile(f"[{INVISIBLE}]").match
    for char in map(chr, range(sys.maxunicode + 1)):
        if unicodedata.category(char) in INVISIBLE_CATEGORIES or char in OTHERS:
            assert is_invisible(char), ascii(char)
        elif char.isalnum() and char not in "\u115f\u1160\u3164\uffa0":
            assert not is_invisible(char), ascii(char)


@given(st.text())
def test_normal_form_is_stable(text: str) -> None:
    normal = normalize(text)
    assert normalize(normal) == normal
    assert unicodedata.is_normalized("NFC", normal)
    assert normal == normal.strip()
    assert normalize(unicodedata.normalize("NFD", text)) == normal


def test_text_with_nul_is_not_emptied() -> None:
    assert normalize(" \0 ") == "\0"
