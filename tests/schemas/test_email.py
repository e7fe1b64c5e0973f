"""The normal form of e-mail addresses, with and without the library."""

import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.types import text as module
from schemas.types.text import normal_email

# Characters and parts next to the borders of what is accepted without the library.
LOCAL = st.text("aZ09_+-.!'\"@ <>é", min_size=0, max_size=8) | st.sampled_from(["info", "Info", "a" * 64, "a" * 200])
PARTS = (
    "a",
    "b1",
    "1b",
    "a-b",
    "-a",
    "a-",
    "ab--c",
    "xn--a",
    "xn--mnchen-3ya",
    "",
    "A",
    "ü",
    "a_b",
    "a" * 63,
    "a" * 64,
)
LABEL = st.sampled_from(PARTS) | st.text("a1-", max_size=4)
TOP = st.sampled_from(
    ["com", "c", "c0", "0c", "co-m", "COM", "com.", "test1", "a" * 63, "a" * 64, *SPECIAL_USE_DOMAIN_NAMES]
)
ADDRESS = st.builds(
    lambda local, labels, top: f"{local}@{'.'.join([*labels, top])}", LOCAL, st.lists(LABEL, max_size=5), TOP
)
PLAIN = st.from_regex(r"[a-z0-9_+.-]{1,6}@[a-z0-9.-]{1,9}\.[a-z]{2,5}", fullmatch=True)


def verdict_of_the_library(text: str) -> str | None:
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError:
        return None


def verdict(text: str) -> str | None:
    try:
        return normal_email(text)
    except EmailNotValidError:
        return None


@settings(max_examples=500, deadline=None)
@given(ADDRESS | PLAIN)
@example(f"{'a' * 250}@b.co")
@example(f"{'a' * 249}@b.co")
@example("a@b.co\n")
@example("a@localhost")
@example("a@test.test")
@example("a@test")
@example("a@b.local.com")
def test_verdict_is_that_of_the_library(text: str) -> None:
    assert verdict(text) == verdict_of_the_library(text)


@settings(deadline=None)
@given(ADDRESS)
def test_normal_form_is_stable(text: str) -> None:
    normal = verdict(text)
    assert normal is None or verdict(normal) == normal


def test_plain_addresses_do_not_need_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(module, "validate_email")
    plain = ("a@bc.de", "john.doe+x_1@mail.example.com", f"{'a' * 247}@bc.de", f"a@{'b' * 63}.com", "a@1.2.xyz")
    assert [normal_email(text) for text in plain] == [*plain]
