"""The one way in which text becomes search terms, the same for the index and for a query."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import polars_hash  # noqa: F401  (its expressions register themselves)

from lapwing.native import cutting
from lapwing.text.characters import folding_table, is_unspaced, second_letters
from lapwing.text.fold import fold_pairs

VERSION = "2"
"""Raised when the same text gives other terms; an index keeps it beside what it stored."""


def cut_lists(texts: pl.Series) -> pl.Series:
    """The terms of each text as a List(String), in the order of the text. `texts` must not hold nulls.

    Terms are folded (`characters.py`). A word is a run of letters, marks, digits and underscores, so ``l'eau`` is two.
    ``#tag`` and ``@name`` keep their sign: who looks for the word looks for both ``tag`` and ``#tag`` (`query.py` does).
    A run of a script without spaces gives each pair of neighbours, and its last character alone; a hashtag in such a
    script does so too, and is a term as a whole, at the end. Web addresses, punctuation and emoji give nothing. A text
    without words gives an empty list.
    """
    return cut_hashed(texts)["terms"]


def cut_hashed(texts: pl.Series) -> pl.DataFrame:
    """As `cut_lists`, with the hashes of the terms: `terms` List(String), `term_hashes` List(UInt64)."""
    cut = cutting.cut(texts, folding_table(), second_letters())
    if cut is None:
        return _carefully(texts)
    terms, hashes, left = cut
    frame = pl.DataFrame([terms, hashes])
    if not len(left):
        return frame
    places = np.arange(len(texts))
    places[left] = np.arange(len(texts), len(texts) + len(left))
    return pl.concat([frame, _carefully(texts.gather(left))])[places]


def _carefully(texts: pl.Series) -> pl.DataFrame:
    """As `cut_hashed`, for any text."""
    lines = fold_pairs(texts)
    lists = lines.str.split(" ").alias("terms")
    empty = lines == ""
    lists = lists.set(empty, None).fill_null([]) if empty.any() else lists
    grouped = explode(lists).group_by("row", maintain_order=True).agg(_HASH.alias("term_hashes"))
    rows = pl.DataFrame({"row": pl.int_range(len(lists), dtype=pl.UInt32, eager=True), "terms": lists})
    joined = rows.join(grouped, on="row", how="left", maintain_order="left")
    return joined.select("terms", pl.col("term_hashes").fill_null([]))


def cut(texts: pl.Series) -> pl.DataFrame:
    """Every term of every text: row (UInt32, position in `texts`) and term (String), in the order of `cut_lists`."""
    return explode(cut_lists(texts))


def explode(lists: pl.Series) -> pl.DataFrame:
    """As `cut`, from the lists that `cut_lists` made."""
    frame = pl.DataFrame({"row": pl.int_range(len(lists), dtype=pl.UInt32, eager=True), "term": lists})
    flat = frame.explode("term")
    return flat.drop_nulls("term") if flat["term"].null_count() else flat


def flat(lists: pl.Series) -> pl.Series:
    """What stands in lists, one after the other; an empty list gives nothing."""
    return lists.explode(empty_as_null=False)


PREFIX_CHARACTERS = 3


def hash_terms(terms: pl.Series) -> pl.Series:
    """Each term's hash (UInt64), the same on every machine and in every version.

    The high 48 bits are those of the XXH3 of the whole term, the low 16 bits those of the XXH3 of its first three
    characters: an index in their order has terms together that begin alike.
    """
    return terms.to_frame("term").select(_HASH)["term"]


_WHOLE = pl.col("term").nchash.xxh3_64()  # type: ignore[attr-defined]
_START = pl.col("term").str.slice(0, PREFIX_CHARACTERS).nchash.xxh3_64()  # type: ignore[attr-defined]
_HASH: pl.Expr = _WHOLE - _WHOLE % (1 << 16) + _START % (1 << 16)

UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Bopomofo}ー々〆〇]"
"""A character of a script that is cut into pairs."""


def is_tail() -> pl.Expr:
    """Whether a row of `cut` is the last character of a run, alone behind its last pair.

    Texts have these terms, so that any one character can be found; what is looked for must leave them out.
    """
    term, before = pl.col("term"), pl.col("term").shift(1)
    follows = (pl.col("row") == pl.col("row").shift(1)) & (before.str.len_chars() == 2) & before.str.ends_with(term)
    return (follows & (term.str.len_chars() == 1) & term.str.contains(UNSPACED)).fill_null(False)


def searched_terms(text: str) -> list[str]:
    """The terms of one text that is looked for: those that it has in every text that contains it."""
    terms = cut_lists(pl.Series([text])).to_list()[0]
    pairs = [("", terms[0]), *pairwise(terms)] if terms else []
    return [
        term
        for before, term in pairs
        if not (len(term) == 1 and len(before) == 2 and before.endswith(term) and is_unspaced(term))
    ]
