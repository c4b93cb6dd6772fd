"""Runs without spaces cut by a model and by a list of words, whole batches as one."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from lapwing.text.lexicon import lexicon_of, words_in
from lapwing.text.segment import segment, segmenter_of

MODEL = {"UW3": {"は": 900, "が": 900}, "BW2": {"地震": -500}, "UW4": {"地": 300}, "TW2": {"東京地": 400}}


def plainly(text: str) -> list[str]:
    """BudouX's own way, one text and one gap at a time, of the features that MODEL has."""
    pieces, base = [text[0]], sum(sum(part.values()) for part in MODEL.values())
    for gap in range(1, len(text)):
        score = (
            MODEL["UW3"].get(text[gap - 1], 0)
            + MODEL["UW4"].get(text[gap], 0)
            + MODEL["BW2"].get(text[gap - 1 : gap + 1], 0)
        )
        score += MODEL["TW2"].get(text[gap - 2 : gap + 1], 0) if gap > 1 else 0
        if 2 * score > base:
            pieces.append(text[gap])
        else:
            pieces[-1] += text[gap]
    return pieces


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(alphabet="はが地震東京日😀", min_size=1, max_size=12), max_size=5))
def test_a_batch_is_cut_as_each_text_alone(texts: list[str]) -> None:
    assert segment(segmenter_of(MODEL), pl.Series(texts, dtype=pl.String)).to_list() == [
        plainly(text) for text in texts
    ]


def test_the_longest_word_wins_and_unknown_letters_are_passed_over() -> None:
    lexicon = lexicon_of(pl.Series(["ab", "abc", "cd", "d"]))
    assert words_in(lexicon, pl.Series(["abcd", "xxabyd", "", "zz"])).to_list() == [["abc", "d"], ["ab", "d"], [], []]
