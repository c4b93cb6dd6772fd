"""What a text becomes for search, and that whatever is typed finds what was written."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapwing.text import fold as folding
from lapwing.text.fold import fold
from lapwing.text.words import cut, cut_lists, hash_terms, searched_terms


def terms(text: str) -> list[str]:
    return cut_lists(pl.Series([text])).to_list()[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Flood in PERTH, again!", ["flood", "in", "perth", "again"]),
        ("see https://t.co/AbC and stop", ["see", "and", "stop"]),
        ("#Quake! @Anna_1: mail joe@example.org", ["#quake", "@anna_1", "mail", "joe", "example", "org"]),
        ("C# a#b ##tag # @ @@you", ["c", "a", "b", "#tag", "@you"]),
        ("L'Aquila don’t", ["l", "aquila", "don", "t"]),
        ("São Paulo Ångström Łódź Øst Đà", ["sao", "paulo", "angstrom", "lodz", "ost", "da"]),
        ("Straße ÆON ﬁn Œuvre", ["strasse", "aeon", "fin", "oeuvre"]),
        ("İSTANBUL ısı", ["istanbul", "isi"]),
        ("ΣΟΦΟΣ σοφός", ["σοφοσ", "σοφοσ"]),
        ("Ёлка й Київ", ["елка", "й", "київ"]),
        ("القَاهِرَةُ أحمد ١٢", ["القاهره", "احمد", "12"]),
        ("नमस्ते ज़रूर", ["नमस्ते", "जरूर"]),
        ("한국어 서울", ["한국어", "서울"]),
        ("ＡＢＣ１２３", ["abc123"]),
        ("東京都", ["東京", "京都", "都"]),
        ("雪", ["雪"]),
        ("ｶﾞｽ か\u3099", ["ガス", "ス", "が"]),
        ("abc東京2020", ["abc", "東京", "京", "2020"]),
        ("今日 #地震速報", ["今日", "日", "地震", "震速", "速報", "報", "#地震速報"]),
        ("น้ำ", ["น้", "้ำ", "ำ"]),
        ("𠮷野", ["𠮷野", "野"]),
        ("👍🏽 … !!", []),
        ("", []),
    ],
)
def test_terms_of_a_text(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_rows_of_a_batch_stay_apart_and_in_order() -> None:
    texts = ["one two", "", "東京", "a\x1eb", "#é", "🔥", "five"]
    found = cut(pl.Series(texts))
    assert found.schema == {"row": pl.UInt32, "term": pl.String}
    assert found.rows() == [(0, "one"), (0, "two"), (2, "東京"), (2, "京"), (3, "a"), (3, "b"), (4, "#e"), (6, "five")]


def test_a_long_hashtag_in_an_unspaced_script_is_only_words() -> None:
    found = terms("#" + "東京" * 50)
    assert found[0] == "東京"
    assert not [term for term in found if term.startswith("#")]


def test_hashes_are_xxh3_and_never_change() -> None:
    assert hash_terms(pl.Series(["earthquake", "地震"])).to_list() == [17066137860519949112, 5905168980619569683]


ANY_TEXT = st.text(
    alphabet=st.one_of(st.characters(exclude_categories=("Cs",)), st.sampled_from("aé #@_東京カーกทัأه地 \n\x1e'’ßｶﾞ")),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ANY_TEXT, max_size=6))
def test_a_batch_gives_what_its_texts_give_alone(texts: list[str]) -> None:
    together = cut_lists(pl.Series(texts, dtype=pl.String)).to_list()
    assert together == [terms(text) for text in texts]
    assert all(term and " " not in term for line in together for term in line)


@settings(max_examples=150, deadline=None)
@given(ANY_TEXT)
def test_folding_twice_is_folding_once(text: str) -> None:
    once = fold(pl.Series([text])).item()
    assert set(fold(pl.Series([once])).item().split(" ")) == set(once.split(" "))


@settings(max_examples=150, deadline=None)
@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_what_is_searched_is_among_the_terms_of_every_text_with_it(before: str, word: str, after: str) -> None:
    line = fold(pl.Series([word])).item()
    found = set(terms(f"{before} {line} {after}"))
    lone = {term[0] for term in found}
    for term in searched_terms(line):
        assert term in found or (len(term) == 1 and term in lone)


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = pl.Series([f"wörd{number} x" for number in range(7)])
    whole = cut_lists(texts).to_list()
    monkeypatch.setattr(folding, "CHUNK_TEXTS", 3)
    assert cut_lists(texts).to_list() == whole
