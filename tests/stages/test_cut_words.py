"""The stages that clean and cut, on the frames that they get."""

from __future__ import annotations

import polars as pl

from lapwing.stages.clean import STAGE as CLEAN
from lapwing.stages.cut_words import STAGE as CUT_WORDS
from lapwing.text import words


def test_a_cleaned_text_is_cut() -> None:
    posts = pl.DataFrame({"text": ["Flo\u200bod  in #Perth", "", "地震"], "kind": [0, 3, 1]})
    cut = CUT_WORDS.make({})(CLEAN.make({})(posts))
    assert cut["text"].to_list() == ["Flood in #Perth", "", "地震"]
    assert cut["terms"].to_list() == [["flood", "in", "#perth"], [], ["地震", "震"]]
    assert CUT_WORDS.version == words.VERSION
