"""What a classifier sees of posts: words, pairs of neighbours, and signals of how a post is written.

Words are the terms that `text.words` cut, by their hashes. A number is any number, a name behind @ is nothing at all, and a
hashtag is also the word in it. A pair has a hash made of its two words'. Signals say whether there is a link, a question, or
a keyword of a category; they mean the same in every language.
"""

from __future__ import annotations

from functools import cache

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapwing.text.keywords import CATEGORIES
from lapwing.text.words import flat, hash_terms

Keys = NDArray[np.uint64]

_MIX = np.uint64(0x9E3779B97F4A7C15)
_ADDRESS = r"https?://\S+"
_UNADDRESSED = pl.col("text").str.replace_all(rf"{_ADDRESS}|@\w+|&\w+;", " ")
_BARE = pl.col("bare")
"""The text without addresses and names, made once for all signals."""
_TEXT = pl.col("text")
_SIZE = pl.col("terms").list.len()

_WRITTEN = {
    "a link": _TEXT.str.contains(r"https?://"),
    "two links": _TEXT.str.count_matches(r"https?://") > 1,
    "an answer to somebody": _TEXT.str.starts_with("@"),
    "a repost": _TEXT.str.contains(r"(?:^|\s)RT @"),
    "a name": _TEXT.str.contains(r"@\w"),
    "a question mark": _BARE.str.contains(r"[?？؟]"),
    "an exclamation mark": _BARE.str.contains(r"[!！]"),
    "several exclamation marks": _BARE.str.contains(r"[!！].*[!！]"),
    "a number": _BARE.str.contains(r"\d"),
    "several numbers": _BARE.str.contains(r"\d[^\d]+\d"),
    "a colon": _BARE.str.contains(r"[:：]\s"),
    "dots": _BARE.str.contains(r"\.\.|…"),
    "a quotation": _BARE.str.contains(r'["“”«»「」]'),
    "a smile or heart": _TEXT.str.contains(r"[\u{1F300}-\u{1F64F}\u{1F900}-\u{1F9FF}♥❤]|[:;]-?[)(DP]|<3"),
    "words in capitals": _BARE.str.contains(r"\p{Lu}{3,}\P{Lu}+\p{Lu}{3,}\P{Lu}+\p{Lu}{3,}"),
    "a hashtag": _TEXT.str.contains("#"),
    "several hashtags": _TEXT.str.contains(r"#.*#.*#"),
    "few words": _SIZE < 8,
    "some words": _SIZE.is_between(8, 14),
    "many words": _SIZE > 20,
    "many capitals": _BARE.str.count_matches(r"(?:^|\s)\p{Lu}\p{Ll}") > 4,
    "a small beginning": _TEXT.str.contains(r"^\p{Ll}"),
}
_KEYWORDS = {
    **{
        f"a keyword of {name}": pl.col("gate_categories") & (1 << code) > 0
        for code, name in enumerate(CATEGORIES)
        if code
    },
    "keywords of several kinds": pl.col("gate_categories").bitwise_count_ones() > 1,
    "several keywords": pl.col("gate").str.contains(", ").fill_null(False),
    "many keywords": pl.col("gate").str.count_matches(", ").fill_null(0) > 2,
}

SIGNALS: dict[str, pl.Expr] = _WRITTEN | _KEYWORDS
"""By name, what is true or false of a post."""

NUMBER = "0"
"""Stands for every number."""


class Words(msgspec.Struct, frozen=True):
    """The words and pairs of some posts, in no particular order."""

    rows: NDArray[np.int64]
    keys: Keys
    firsts: NDArray[np.int64]
    """Where in `terms` each word or pair begins."""
    pairs: NDArray[np.bool_]
    terms: pl.Series
    """The words themselves, one after the other."""

    def spoken(self, places: NDArray[np.int64]) -> pl.Series:
        """The words and pairs at some places, as text."""
        first, pairs = self.firsts[places], self.pairs[places]
        one = self.terms.gather(first)
        if not pairs.any():
            return one
        second = self.terms.gather(first[pairs] + 1)
        both = pl.DataFrame({"one": one.gather(np.flatnonzero(pairs)), "two": second})
        return one.scatter(np.flatnonzero(pairs), both.select(pl.concat_str("one", "two", separator=" ")).to_series())


def words_of(posts: pl.DataFrame) -> Words:
    """The words of posts with `terms` and `term_hashes`, as `text.words` made them."""
    terms, hashes = flat(posts["terms"]), flat(posts["term_hashes"]).to_numpy()
    rows = np.repeat(np.arange(posts.height), posts["terms"].list.len().to_numpy())
    seen = terms.to_frame("term").select(
        name=pl.col("term").str.starts_with("@"),
        number=pl.col("term").str.contains(r"^[0-9]+$"),
        tag=pl.col("term").str.starts_with("#"),
    )
    kept = ~seen["name"].to_numpy()
    number = seen["number"].to_numpy()
    keys = np.where(number, _number_key(), hashes)
    terms = pl.DataFrame({"term": terms, "number": number}).select(
        pl.when("number").then(pl.lit(NUMBER)).otherwise("term").alias("term")
    )["term"]
    terms, keys, rows = terms.filter(pl.Series(kept)), keys[kept], rows[kept]
    tags = np.flatnonzero(seen["tag"].to_numpy()[kept])
    tagged = hash_terms(terms.gather(tags).str.strip_prefix("#")).to_numpy()
    beside = np.flatnonzero(rows[1:] == rows[:-1])
    paired = keys[beside] * _MIX + keys[beside + 1]
    singles = np.arange(len(keys))
    return Words(
        rows=np.concatenate([rows, rows[tags], rows[beside]]),
        keys=np.concatenate([keys, tagged, paired]),
        firsts=np.concatenate([singles, tags, beside]),
        pairs=np.repeat([False, True], [len(keys) + len(tags), len(beside)]),
        terms=terms,
    )


@cache
def _number_key() -> np.uint64:
    return np.uint64(hash_terms(pl.Series([NUMBER]))[0])


def signals_of(posts: pl.DataFrame) -> NDArray[np.bool_]:
    """Which of `SIGNALS` each post shows: a row for each post. Wants `text`, `terms` and what `keywords.find` says."""
    wanted = posts.select("text", "terms", "gate", "gate_categories", bare=_UNADDRESSED)
    frame = wanted.select(**SIGNALS)
    result: NDArray[np.bool_] = frame.to_numpy().astype(np.bool_).reshape(posts.height, len(SIGNALS))
    return result
