"""Keywords of many languages, found among the terms of posts in one pass, whatever their script.

A keyword ``fire`` is that word, ``flood*`` a word that begins so, ``*quake`` one that ends so, ``*quake*`` any word it
stands in; several words stand together. They are cut and folded as posts are, so that ``Überschwemmung`` and 津波警報 need
no rules of their own. All are looked for at once with an automaton (Aho and Corasick, 1975), from the left. Figurative
phrases are found first and hide the keywords in them: *this song is fire*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapwing.native import scanning
from lapwing.text.words import searched_terms

CATEGORIES = (
    "none", "accident", "fire", "crime", "weather", "violence", "other",
    "flood", "storm", "earthquake", "health", "infrastructure",
)  # fmt: skip
"""The code of a category is its position here."""

PARENTS = {
    "flood": "weather",
    "storm": "weather",
    "earthquake": "other",
    "health": "other",
    "infrastructure": "accident",
}
"""The category above each of the finer ones."""

FIGURATIVE = "figurative"
"""The name of the list of phrases that hide keywords."""

SHOWN_MAX = 8
"""So many keywords of a post are named."""

_OTHER = CATEGORIES.index("other")
_GAP = "  "
"""Between two terms: each keeps a space of its own, so that neighbours are both found."""

FOUND = pl.Schema({"gate": pl.String(), "category": pl.UInt8(), "gate_categories": pl.UInt16()})
"""What `find` says of a post: the keywords in it, or null; its category; the bits of all categories that were touched."""


class Keywords(msgspec.Struct, frozen=True):
    """Patterns over terms that are joined by two spaces; of two that begin together the earlier counts."""

    patterns: pl.Series
    categories: NDArray[np.uint8]
    """Of each pattern; 0 for what is figurative."""
    shown: pl.Series
    groups: scanning.Groups | None = None
    """The same as the compiled library takes them; None: it is not asked."""


def keywords_of(lists: Mapping[str, Mapping[str, Sequence[str]]]) -> Keywords:
    """The keywords of several languages: language → category, or `FIGURATIVE` → how they are written.

    Raises `ValueError` for a category that does not exist, or a keyword of which nothing is left.
    """
    found: dict[str, tuple[int, str]] = {}
    for language, kinds in lists.items():
        for kind, words in kinds.items():
            if kind != FIGURATIVE and kind not in CATEGORIES[1:]:
                message = f"{language}: there is no category {kind!r}; there are {', '.join(CATEGORIES[1:])}"
                raise ValueError(message)
            code = 0 if kind == FIGURATIVE else CATEGORIES.index(kind)
            for word in words:
                pattern = _pattern(word, language)
                if pattern not in found or _rank(code) < _rank(found[pattern][0]):
                    found[pattern] = code, word.strip("*")
    order = sorted(found, key=lambda pattern: (found[pattern][0] > 0, -len(pattern), pattern))
    categories = np.array([found[pattern][0] for pattern in order], dtype=np.uint8)
    shown = [found[pattern][1] for pattern in order]
    return Keywords(
        pl.Series("pattern", order, dtype=pl.String),
        categories,
        pl.Series("shown", shown, dtype=pl.String),
        scanning.groups_of(order, categories, shown, _OTHER),
    )


def _rank(code: int) -> int:
    """What languages disagree about is figurative last, and `other` only if nothing finer."""
    return {0: 2, _OTHER: 1}.get(code, 0)


def _pattern(word: str, language: str) -> str:
    terms = searched_terms(word.strip("*"))
    if not terms:
        message = f"{language}: nothing is left of the keyword {word!r}"
        raise ValueError(message)
    return f"{'' if word.startswith('*') else ' '}{_GAP.join(terms)}{'' if word.endswith('*') else ' '}"


def find(keywords: Keywords, terms: pl.Series) -> pl.DataFrame:
    """The columns of `FOUND` for posts of which `terms` are the terms (List(String)), as `text.words` cuts them.

    The category is the one that most of a post's different keywords name, of equals the one named first; `other` only
    where nothing else is named.
    """
    if not len(terms) or not len(keywords.patterns):
        return _empty(len(terms))
    found = scanning.scan(keywords.groups, terms)
    if found is None:
        return _carefully(keywords, terms)
    gate, category, touched = found
    return pl.DataFrame([gate, pl.Series("category", category), pl.Series("gate_categories", touched)], FOUND)


def _carefully(keywords: Keywords, terms: pl.Series) -> pl.DataFrame:
    """As `find`, in frames and arrays, for keywords of any length."""
    height = len(terms)
    line = (_GAP + pl.col("terms").list.join(_GAP) + _GAP).str.replace_all(" #", " ", literal=True)
    hits = line.str.extract_many(keywords.patterns.implode(), leftmost=True)
    lists = pl.DataFrame({"terms": terms}).select(hits.alias("hits"))["hits"]
    rows = np.repeat(np.arange(height), lists.list.len().to_numpy())
    if not len(rows):
        return _empty(height)
    codes = lists.explode(empty_as_null=False).cast(pl.Enum(keywords.patterns)).to_physical().to_numpy()
    meant = keywords.categories[codes] > 0
    return _told(keywords, rows[meant], codes[meant].astype(np.int64), height)


def _empty(height: int) -> pl.DataFrame:
    return pl.DataFrame({"gate": pl.Series([None], dtype=pl.String), "category": [0], "gate_categories": [0]}, FOUND)[
        np.zeros(height, dtype=np.int64)
    ]


def _told(keywords: Keywords, rows: NDArray[np.int64], codes: NDArray[np.int64], height: int) -> pl.DataFrame:
    """The answer from the found keywords: for each its row, in ascending order, and its code."""
    size = len(keywords.patterns)
    _, first = np.unique(rows * size + codes, return_index=True)
    first.sort()
    rows, codes = rows[first], codes[first]
    kinds = keywords.categories[codes].astype(np.int64)
    bits = np.zeros(height, dtype=np.uint16)
    np.bitwise_or.at(bits, rows, np.left_shift(1, kinds).astype(np.uint16))
    named = pl.DataFrame({"row": rows, "word": keywords.shown.gather(codes)})
    words = named.group_by("row", maintain_order=True).agg(pl.col("word").head(SHOWN_MAX).str.join(", "))
    gate = pl.DataFrame({"row": np.arange(height)}).join(words, on="row", how="left", maintain_order="left")["word"]
    return pl.DataFrame(
        [gate.alias("gate"), pl.Series("category", _voted(rows, kinds, height)), pl.Series("gate_categories", bits)],
        FOUND,
    )


def _voted(rows: NDArray[np.int64], kinds: NDArray[np.int64], height: int) -> NDArray[np.uint8]:
    """The category with most votes in each row; `other` has hardly a voice, and of equals the first one wins."""
    size = len(CATEGORIES)
    order = np.arange(len(rows))
    weight = np.where(kinds == _OTHER, 1e-3, 1.0)
    votes = np.bincount(rows * size + kinds, weights=weight, minlength=height * size)
    earliest = np.full(height * size, len(rows))
    np.minimum.at(earliest, rows * size + kinds, order)
    score = (votes - earliest / (len(rows) + 1) * 1e-6).reshape(height, size)
    best = score.argmax(axis=1)
    result: NDArray[np.uint8] = np.where(votes.reshape(height, size).any(axis=1), best, 0).astype(np.uint8)
    return result
