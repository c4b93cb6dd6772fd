"""Names of places among the terms of texts, and which place each text most likely means.

A name counts for itself when it is long, or its city large; a small or ambiguous one needs company: its region or
country behind it or elsewhere in the text, or an author who lives in that country.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapwing.places.gazetteer import ABBREVIATION, CITY, COUNTRY, REGION, Gazetteer, Hashes, may_begin, mixed


def find(gazetteer: Gazetteer, texts: NDArray[np.uint32], hashes: Hashes) -> pl.DataFrame:
    """The names among terms: text UInt32, start (position among all terms), words, key UInt64.

    `texts` says for each term to which text it belongs, and is sorted. Of names that overlap, the one that begins
    first counts, and of those the longest: 東京都 is Tokyo and not Kyoto.
    """
    starts = may_begin(gazetteer, hashes)
    slots = np.searchsorted(gazetteer.firsts, hashes[starts])
    slots[slots == len(gazetteer.firsts)] = 0
    real = gazetteer.firsts[slots] == hashes[starts]
    starts, longest = starts[real], gazetteer.longest[slots[real]]
    keys = hashes[starts]
    found_keys, found_words = np.zeros_like(keys), np.zeros(len(starts), dtype=np.int64)
    going = np.arange(len(starts))
    for words in range(1, int(longest.max(initial=0)) + 1):
        hits = going[_known(gazetteer.keys, keys[going])]
        found_keys[hits], found_words[hits] = keys[hits], words
        ends = starts[going] + words
        more = (longest[going] > words) & (ends < len(hashes))
        going, ends = going[more], ends[more]
        same = texts[ends] == texts[starts[going]]
        going, ends = going[same], ends[same]
        keys[going] = mixed(keys[going], hashes[ends])
    named = np.flatnonzero(found_words)
    ends = np.maximum.accumulate(starts[named] + found_words[named])
    free = named[np.append(True, starts[named][1:] >= ends[:-1])[: len(named)]]
    return pl.DataFrame({
        "text": texts[starts[free]], "start": starts[free].astype(np.int64), "words": found_words[free], "key": found_keys[free]
    })  # fmt: skip


def _known(sorted_keys: Hashes, keys: Hashes) -> NDArray[np.bool_]:
    slots = np.searchsorted(sorted_keys, keys)
    slots[slots == len(sorted_keys)] = 0
    result: NDArray[np.bool_] = sorted_keys[slots] == keys
    return result


def meanings(gazetteer: Gazetteer, found: pl.DataFrame) -> pl.DataFrame:
    """Everything that each found name may mean, one row each: the columns of `found` and of `Gazetteer.names`."""
    return found.drop("words").join(gazetteer.names, on="key", maintain_order="left")


def with_company(possible: pl.DataFrame, homes: pl.DataFrame) -> pl.DataFrame:
    """The cities among what names may mean, each with what speaks for it.

    `homes` says where authors are at home, as far as known: text, home_city UInt32, home_country.
    Adds behind (its region or country stands right behind it), elsewhere (its country or region is named somewhere in
    the text), home (its author's country), and same_city.
    """
    cities = possible.filter(pl.col("kind") == CITY)
    others = possible.filter(pl.col("kind") != CITY).select("text", "start", "kind", "country", "region")
    others = others.with_columns(whole=pl.col("region") == "")
    near = cities.with_columns(start=pl.col("start") + pl.col("words"))
    behind = pl.concat([
        near.join(others.filter("whole"), on=["text", "start", "country"], how="semi"),
        near.join(others.filter(~pl.col("whole")), on=["text", "start", "country", "region"], how="semi"),
    ]).select("text", "city", start=pl.col("start") - pl.col("words")).unique()  # fmt: skip
    named = others.filter(pl.col("kind").is_in([COUNTRY, REGION])).select("text", "country").unique()
    return (
        cities.join(behind.with_columns(behind=True), on=["text", "start", "city"], how="left")
        .join(named.with_columns(elsewhere=True), on=["text", "country"], how="left")
        .join(homes, on="text", how="left")
        .with_columns(
            pl.col("behind", "elsewhere").fill_null(False),
            home=(pl.col("country") == pl.col("home_country")).fill_null(False),
            same_city=(pl.col("city") == pl.col("home_city")).fill_null(False),
        )
    )


def stands_alone() -> pl.Expr:
    """Whether a city's name is believed without company: by its length, its script, and the city's inhabitants."""
    people, first = pl.col("population"), ~pl.col("alternate")
    spaced = (
        pl.when(pl.col("words") > 1).then(people >= pl.when(first).then(20_000).otherwise(200_000))
        .otherwise(people >= pl.when(first).then(100_000).otherwise(500_000))
    )  # fmt: skip
    unspaced = people >= pl.when(pl.col("words") > 2).then(50_000).when(pl.col("words") > 1).then(100_000).otherwise(500_000)
    return ~pl.col("common") & pl.when("unspaced").then(unspaced).otherwise(spaced)


def weight() -> pl.Expr:
    """How much speaks for one city against another of the same name or text: inhabitants and company."""
    company = pl.col("behind") * 4.0 + pl.col("elsewhere") * 1.5 + pl.col("home") * 1.0 + pl.col("same_city") * 1.5
    return (pl.col("population") + 1.0).log10() + company - pl.col("alternate") * 0.5


__all__ = ["ABBREVIATION", "CITY", "COUNTRY", "REGION", "find", "meanings", "stands_alone", "weight", "with_company"]
