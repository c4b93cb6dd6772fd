"""Words of a script without spaces, found in a list of words: from the left, the longest that fits, again and again.

What no word fits is passed over, so that only words of the list come out.
"""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

_MIX = np.uint64(0x9E3779B97F4A7C15)
_BREAK = "\n"


class Lexicon(msgspec.Struct, frozen=True):
    """A list of words as the keys of all their beginnings."""

    keys: NDArray[np.uint64]
    """Sorted and different."""
    ends: NDArray[np.bool_]
    """Which are whole words."""


def lexicon_of(words: pl.Series) -> Lexicon:
    """The lexicon of some words (String)."""
    codes = _codes(words)
    starts = np.flatnonzero(codes == ord(_BREAK))[:-1] + 1
    starts = starts[codes[starts] != ord(_BREAK)]
    keys, beginnings, whole = np.zeros(len(starts), dtype=np.uint64), [], []
    while len(starts):
        keys = keys * _MIX + codes[starts]
        starts = starts + 1
        last = codes[starts] == ord(_BREAK)
        beginnings.append(keys)
        whole.append(keys[last])
        keys, starts = keys[~last], starts[~last]
    known = np.unique(np.concatenate(beginnings)) if beginnings else np.zeros(0, dtype=np.uint64)
    return Lexicon(known, np.isin(known, np.concatenate(whole)) if whole else np.zeros(0, dtype=np.bool_))


def _codes(texts: pl.Series) -> NDArray[np.uint64]:
    """The characters of all texts, with a break before, between and after them."""
    text = f"{_BREAK}{_BREAK.join(texts.to_list())}{_BREAK}"
    return np.frombuffer(text.encode("utf-32-le"), dtype="<u4").astype(np.uint64)


def words_in(lexicon: Lexicon, runs: pl.Series) -> pl.Series:
    """The words of each run (String without line breaks): List(String), empty where there is none."""
    codes = _codes(runs)
    lengths = _longest(lexicon, codes)
    breaks = codes == ord(_BREAK)
    begins, places = np.zeros(len(codes), dtype=np.bool_), np.flatnonzero(breaks)[:-1] + 1
    places = places[~breaks[places]]
    while len(places):
        begins[places[lengths[places] > 0]] = True
        places = places + np.maximum(lengths[places], 1)
        places = places[~breaks[places]]
    starts = np.flatnonzero(begins)
    rows = np.searchsorted(np.flatnonzero(breaks), starts) - 1
    sizes = lengths[starts] + 1
    ends = np.cumsum(sizes)
    letters = codes[np.repeat(starts - ends + sizes, sizes) + np.arange(int(sizes.sum()))]
    letters[ends - 1] = ord(_BREAK)
    return _lists(letters, rows, len(runs))


def _longest(lexicon: Lexicon, codes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The length of the longest word that begins at each character, 0 where none does."""
    lengths = np.zeros(len(codes), dtype=np.int64)
    going, keys, length = np.arange(len(codes)), np.zeros(len(codes), dtype=np.uint64), 0
    while len(going) and len(lexicon.keys):
        inside = going + length < len(codes)
        going, keys = going[inside], keys[inside]
        keys = keys * _MIX + codes[going + length]
        slots = np.minimum(np.searchsorted(lexicon.keys, keys), len(lexicon.keys) - 1)
        known = lexicon.keys[slots] == keys
        going, keys, slots = going[known], keys[known], slots[known]
        length += 1
        lengths[going[lexicon.ends[slots]]] = length
    return lengths


def _lists(letters: NDArray[np.uint64], rows: NDArray[np.int64], height: int) -> pl.Series:
    """Words, with a break behind each, gathered by row."""
    words = letters.astype("<u4").tobytes().decode("utf-32-le").split(_BREAK)[:-1]
    found = (
        pl.DataFrame({"row": rows, "word": pl.Series(words, dtype=pl.String)})
        .group_by("row", maintain_order=True)
        .agg("word")
    )
    every = pl.DataFrame({"row": np.arange(height, dtype=np.int64)}).join(
        found, on="row", how="left", maintain_order="left"
    )
    return every["word"].fill_null([])
