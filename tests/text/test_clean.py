"""What cannot be seen goes, what is written stays."""

from __future__ import annotations

import polars as pl
import pytest

from lapwing.text.clean import clean


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\u200bb\u202e  c\t\td \r\n\r\n\r\n\r\n e ", "ab c d\n\ne"),
        ("Z" + "\u0335" * 40 + "a", "Z" + "\u0335" * 4 + "a"),
        ("e\u0301", "é"),
        ("か\u3099", "が"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\x00hi\ufeff", "hi"),
        ("one\ntwo", "one\ntwo"),
        ("a\u00a0b\u3000c", "a b c"),
        ("น้ำท่วม हिन्दी שָׁלוֹם", "น้ำท่วม हिन्दी שָׁלוֹם"),
        ("", ""),
    ],
)
def test_a_text_is_tidied(text: str, expected: str) -> None:
    assert clean(pl.Series([text, "as it was"])).to_list() == [expected, "as it was"]


def test_clean_texts_come_back_as_they_are() -> None:
    texts = pl.Series(["plain", "Größe"])
    assert clean(texts) is texts
