"""Texts of strangers, made fit to be shown."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapwing.text.harmless import harmless, in_bytes, in_one_line, in_units, shortened, unlinked

CASES = [
    ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
    ("a\n\n \n\n\nb", "a\n\nb"),
    ("ab\u202edcba\u202c\u2066x\u2069\u200e", "abdcbax"),
    ("a\x00\x1b[31m\x07b", "a[31mb"),
    ("e" + "\u0301" * 1000 + "x", "e\u0301\u0301\u0301x"),
    ("\ufeffzero\u200bwidth\u00adword", "zerowidthword"),
    ("\U000e0041\U000e0042hidden", "hidden"),
    ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
    ("می\u200cخواهم", "می\u200cخواهم"),
    ("🏴\U000e0067\U000e0062\U000e007f", "🏴\U000e0067\U000e0062\U000e007f"),
    ("שלום עולם", "שלום עולם"),
    ("  ", ""),
]


@pytest.mark.parametrize(("text", "shown"), CASES)
def test_what_is_shown(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_one_line_is_one_line() -> None:
    assert in_one_line("a\r\nBcc: b\n\n\tc") == "a Bcc: b c"


def test_nothing_makes_a_link_of_an_address() -> None:
    assert unlinked("see http://a.example, HTTPS://B and Www.c.example") == (
        "see http[:]//a.example, HTTPS[:]//B and Www[.]c.example"
    )


SHORT = [
    ("abcdef", 6, "abcdef"), ("abcdef", 5, "abcd…"), ("abc def", 5, "abc…"), ("abc", 0, ""), ("abc", 1, "…"),
    ("👨\u200d👩\u200d👧ab", 5, "…"), ("👨\u200d👩\u200d👧ab", 6, "👨\u200d👩\u200d👧…"), ("🇫🇷🇩🇪🇫🇷", 4, "🇫🇷…"),
    ("e\u0301e\u0301e\u0301", 4, "e\u0301…"), ("👍🏽👍🏽ab", 4, "👍🏽…"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "size", "short"), SHORT)
def test_what_belongs_together_is_not_torn_apart(text: str, size: int, short: str) -> None:
    assert shortened(text, size) == short


@given(st.text(max_size=60), st.integers(0, 40), st.sampled_from([len, in_bytes, in_units]))
def test_it_fits_and_is_a_beginning(text: str, size: int, measure) -> None:
    text = text.encode("utf-8", "replace").decode()
    short = shortened(text, size, measure)
    assert measure(short) <= size or short == text
    assert short == text or text.startswith(short.removesuffix("…"))


@given(st.text(max_size=60))
def test_what_is_harmless_stays_so(text: str) -> None:
    clean = harmless(text)
    assert harmless(clean) == clean
    assert not any(unicodedata.category(each) in ("Cc", "Cs") for each in clean if each != "\n")
