"""Negotiation of the content coding by `Accept-Encoding`."""

import pytest

from middleware.compression import CODINGS, Choice, Encoders, choose_coding
from middleware.etags import etag_for_coding, names_etag, required_etags
from services.cache_service import CacheService

CHOICES = {
    "": None,
    "gzip": "gzip",
    "GZIP": "gzip",
    "x-gzip": "gzip",
    "gzip, deflate, br, zstd": "zstd",
    "gzip;q=1.0, zstd;q=0.9": "gzip",
    "gzip ; q=0.5 ,\tzstd ;\tq=0.4": "gzip",
    "gzip;Q=0.001": "gzip",
    "gzip;q=0": None,
    "gzip;q=0.000, zstd;q=0": None,
    "br, deflate": None,
    "*": "zstd",
    "*;q=0": None,
    "zstd;q=0, *": "gzip",
    "gzip;q=0, zstd;q=0, *": None,
    "identity": None,
    "identity;q=0.5, gzip;q=0.4": None,
    "identity;q=0.5, gzip;q=0.5": "gzip",
    "identity, gzip": "gzip",
    "*;q=0.1, identity;q=0.2": None,
    # Wrong weights and wrong items count as absent.
    "gzip;q=2": None,
    "gzip;q=1.001": None,
    "gzip;q=0.1234": None,
    "gzip;q=-1": None,
    "gzip;q=": None,
    "gzip;q=high, zstd;q=0.1": "zstd",
    "gzip;level=9": None,
    "gzip zstd": None,
    "gzip\0": None,
    "\0, gzip": "gzip",
    ",,, ,gzip,,": "gzip",
    "\uff47zip": None,
}
REQUIRED = {
    "identity;q=0": None,
    "*;q=0, identity;q=0": None,
    "gzip, identity;q=0": Choice("gzip", is_required=True),
    "*;q=0, zstd": Choice("zstd", is_required=True),
    "identity;q=0, *": Choice("zstd", is_required=True),
    "*;q=0, gzip, identity;q=0.1": Choice("gzip", is_required=False),
}
HOSTILE = [b"gzip," * 2048, b"," * 10_000, b"gzip" + b" " * 10_000, b"a" * 10_000, b"gzip;q=0." + b"0" * 10_000]


@pytest.mark.parametrize("header", CHOICES)
def test_choice_follows_the_weights(header: str) -> None:
    choice = choose_coding(header.encode())
    assert (choice and choice.coding) == CHOICES[header]
    assert not (choice and choice.is_required)


@pytest.mark.parametrize("header", REQUIRED)
def test_identity_can_be_refused(header: str) -> None:
    assert choose_coding(header.encode()) == REQUIRED[header]


@pytest.mark.parametrize("header", HOSTILE, ids=range(len(HOSTILE)))
def test_long_headers_get_plain_bodies_and_are_not_remembered(header: bytes) -> None:
    encoders = Encoders(CacheService())
    remembered = choose_coding.cache_info().currsize
    assert encoders.find(header) is None
    assert choose_coding.cache_info().currsize == remembered
    assert encoders.find(b"gzip")


def test_each_coding_has_a_tag_of_its_own_and_all_compare_equal() -> None:
    plain = '"0123"'
    tags = [plain, *(etag_for_coding(plain, coding) for coding in CODINGS)]
    assert tags == ['"0123"', '"0123-zstd"', '"0123-gzip"']
    for tag in tags:
        for header in (tag, f"W/{tag}", f'"x", {tag}'):
            assert names_etag(header, plain)
            assert plain in (required_etags(header) or ())
    for other in ('"0124"', '"0123-br"', '"0123-gzip-gzip"', '"0123-', '-gzip"', '"-gzip"', ""):
        assert not names_etag(other, plain)
