"""What a query says, which texts it matches, and how its mistakes are told."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapwing.errors import QueryError
from lapwing.text.fold import fold, folded
from lapwing.text.query import And, Node, Not, Or, Phrase, Prefix, Word, matches, matching, parse
from lapwing.text.words import cut_lists

TEXTS = [
    "Strong quake in Perth now",  # 0
    "#quake in #Perth!",  # 1
    "no news in perth",  # 2
    "東京都で地震がありました",  # 3
    "雪が降る",  # 4
    "大雪",  # 5
    "l'eau est froide",  # 6
    "@bob_1 says hi",  # 7
    "bob_1 was quaking",  # 8
    "กรุงเทพฝนตกหนัก",  # 9
    "زلزال في القاهرة",  # 10
    "gempa bumi di Jakarta",  # 11
    "New York is not York, new or old",  # 12
    "#東京2020年 begins",  # 13
]


def found(query: str) -> list[int]:
    return matches(parse(query), pl.Series(TEXTS)).arg_true().to_list()


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("quake", [0, 1]),
        ("#quake", [1]),
        ("QUAKE perth", [0, 1]),
        ("quake OR 地震", [0, 1, 3]),
        ("in perth OR 雪", [0, 1, 2, 4, 5]),
        ("perth -quake", [2]),
        ("-(quake OR in)", [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]),
        ('"in perth"', [0, 1, 2]),
        ('"perth in"', []),
        ('"new york"', [12]),
        ('"york new"', [12]),
        ("地震", [3]),
        ("京都", [3]),
        ("東京", [3, 13]),
        ("年", [13]),
        ("2020", [13]),
        ("#東京2020年", [13]),
        ("雪", [4, 5]),
        ("qua*", [0, 1, 8]),
        ("#qu*", [1]),
        ("@bob_1", [7]),
        ("bob_1", [8]),
        ("l’eau", [6]),
        ("eau", [6]),
        ("กรุงเทพ", [9]),
        ("ฝน", [9]),
        ("القاهره", [10]),
        ("gempa", [11]),
        ("amb", []),
    ],
)
def test_a_query_finds(query: str, rows: list[int]) -> None:
    assert found(query) == rows


@pytest.mark.parametrize(
    ("query", "column", "what"),
    [
        ("", 1, "a word is missing"),
        ('rain "in perth', 6, "no partner"),
        ("(rain", 1, "not closed"),
        ("rain) snow", 5, "closes nothing"),
        ("rain OR", 8, "a word is missing"),
        ("OR rain", 1, "a word is missing"),
        ("rain -", 7, "behind the minus"),
        ("rain 🔥", 6, "no letters or digits"),
        ('""', 2, "no letters or digits"),
        ("*", 1, "no letters or digits"),
        ("(" * 60 + "a", 22, "nested"),
        ("x" * 1001, 1001, "longer than"),
    ],
)
def test_a_mistake_is_told_with_its_column(query: str, column: int, what: str) -> None:
    with pytest.raises(QueryError, match=what) as caught:
        parse(query)
    assert caught.value.column == column


def test_a_word_looks_for_its_hashtag_too() -> None:
    assert parse("rain") == Or((Word(("rain",)), Word(("#rain",))))
    assert parse("東京") == And((Word(("東京",)), Phrase((), "東京")))
    assert parse("-#rain") == Not(Word(("#rain",)))


def candidate(node: Node, terms: set[str]) -> bool:
    """Whether a text with these terms may match, as an index would say it."""
    if isinstance(node, Word | Phrase):
        return all(term in terms for term in node.terms)
    if isinstance(node, Prefix):
        return any(term.startswith(node.term) for term in terms)
    if isinstance(node, And):
        return all(candidate(part, terms) for part in node.parts)
    if isinstance(node, Or):
        return any(candidate(part, terms) for part in node.parts)
    return True


LETTERS = st.text(alphabet=st.sampled_from("ab é_#@東京カกทั أه地雪'12ß"), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(LETTERS, LETTERS, LETTERS)
def test_every_word_of_a_text_finds_it_through_index_and_text(before: str, word: str, after: str) -> None:
    text = f"{before} {word} {after}"
    for said in (word, f'"{word}"'):
        try:
            node = parse(said)
        except QueryError:
            continue
        assert matches(node, pl.Series([text])).item(), said
        assert candidate(node, set(cut_lists(pl.Series([text])).to_list()[0])), said


@settings(max_examples=150, deadline=None)
@given(LETTERS, LETTERS)
def test_no_match_is_missing_among_the_candidates(query: str, text: str) -> None:
    for said in (query, f"{query.strip()}*", fold(pl.Series([query])).item()):
        try:
            node = parse(said)
        except QueryError:
            continue
        if matches(node, pl.Series([text])).item():
            assert candidate(node, set(cut_lists(pl.Series([text])).to_list()[0])), said


@settings(max_examples=200, deadline=None)
@given(
    st.lists(LETTERS, min_size=1, max_size=3),
    st.sampled_from(["{0}", "{0} {1}", "{0} OR {1}", "-{0}", "{0}*", '"{0} {1}"', "({0} OR -{1}) {2}*", "#{0}"]),
    st.lists(LETTERS, max_size=8),
)
def test_a_few_texts_are_judged_one_by_one_as_columns_are(words: list[str], form: str, texts: list[str]) -> None:
    said = form.format(*(words[place % len(words)] for place in range(3)))
    try:
        node = parse(said)
    except QueryError:
        return
    texts += [" ".join(words), f"#{words[0]} at the {words[-1]}"]
    assert matching(node, texts) == matches(node, pl.Series(texts)).to_list()
    assert folded(texts) == fold(pl.Series(texts)).to_list()


def test_of_no_texts_none_match() -> None:
    assert matching(parse("quake"), []) == []
    assert folded([]) == []
