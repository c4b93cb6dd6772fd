"""Names of places among the terms of texts, and which place each text most likely means.

A name counts for itself when it is long, or its city large; a small or ambiguous one needs company: its region or
country behind it or elsewhere in the text, or an author who lives in that country. Of several that count, the one with
most company and most inhabitants is meant.
"""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapwing.places.gazetteer import CITY, NO_CITY, Gazetteer, Hashes, gate_of, mixed
from lapwing.text.words import UNSPACED


class Terms(msgspec.Struct, frozen=True):
    """The terms of some texts, as `text.words` cut them, all in one row."""

    texts: NDArray[np.uint32]
    """For each term, the text it belongs to; sorted."""
    terms: pl.Series
    hashes: Hashes


def find(gazetteer: Gazetteer, terms: Terms) -> pl.DataFrame:
    """The names among terms: text UInt32, start (position among all terms), words, key UInt64.

    Of names that overlap, the one that begins first counts, and of those the longest: 東京都 is Tokyo and not Kyoto.
    """
    texts, hashes = terms.texts, terms.hashes
    opens = gazetteer.gate[gate_of(hashes)]
    opens[:-1] |= gazetteer.gate[gate_of(mixed(hashes[:-1], hashes[1:]))]
    starts = np.flatnonzero(opens)
    keys = hashes[starts]
    found_keys, found_words = np.zeros_like(keys), np.zeros(len(starts), dtype=np.int64)
    going, words = np.arange(len(starts)), 0
    while len(going):
        words += 1
        slots = np.searchsorted(gazetteer.keys, keys[going])
        slots[slots == len(gazetteer.keys)] = 0
        known = gazetteer.keys[slots] == keys[going]
        going, slots = going[known], slots[known]
        whole = going[gazetteer.ends[slots]]
        found_keys[whole], found_words[whole] = keys[whole], words
        going = going[starts[going] + words < len(hashes)]
        going = going[texts[starts[going] + words] == texts[starts[going]]]
        keys[going] = mixed(keys[going], hashes[starts[going] + words])
    named = np.flatnonzero(found_words)
    ends = np.maximum.accumulate(starts[named] + found_words[named])
    free = named[np.append(True, starts[named][1:] >= ends[:-1])[: len(named)]]
    return pl.DataFrame({
        "text": texts[starts[free]], "start": starts[free].astype(np.int64), "words": found_words[free], "key": found_keys[free]
    })  # fmt: skip


def evidence(terms: Terms, found: pl.DataFrame) -> pl.Series:
    """The words of each found name, as they were folded."""
    sizes = found["words"].to_numpy()
    firsts = np.cumsum(sizes) - sizes
    places = np.repeat(found["start"].to_numpy() - firsts, sizes) + np.arange(sizes.sum())
    parts = pl.DataFrame({"name": np.repeat(np.arange(len(found), dtype=np.uint32), sizes), "term": terms.terms.gather(places)})
    spaced = pl.col("term").str.join(" ")
    run = pl.col("term").str.slice(0, 1).str.join("") + pl.col("term").last().str.slice(1)
    unspaced = pl.col("term").first().str.contains(UNSPACED) & ~pl.col("term").first().str.starts_with("#")
    return parts.group_by("name", maintain_order=True).agg(pl.when(unspaced).then(run).otherwise(spaced))["term"].alias("words")


def cities(gazetteer: Gazetteer, terms: Terms, found: pl.DataFrame) -> pl.DataFrame:
    """The cities that found names may mean, with their company: columns of `Gazetteer.names`, text, start, and
    behind (its region or country stands right behind it) and elsewhere (its country is named somewhere in the text).
    """
    possible = found.drop("words").join(gazetteer.names, on="key", maintain_order="left")
    meant = possible.filter(pl.col("kind") == CITY)
    others = possible.filter(pl.col("kind") != CITY)
    qualifiers = pl.concat([others.select("text", "start", "country", "region"), _abbreviations(gazetteer, terms, meant)])
    after = meant.select("text", "city", "country", "region", at="start", start=pl.col("start") + pl.col("words"))
    behind = pl.concat([
        after.join(qualifiers.filter(pl.col("region") == ""), on=["text", "start", "country"], how="semi"),
        after.join(qualifiers.filter(pl.col("region") != ""), on=["text", "start", "country", "region"], how="semi"),
    ]).select("text", "city", start="at", behind=True).unique()  # fmt: skip
    named = others.filter(~pl.col("common")).select("text", "country", elsewhere=True).unique()
    return (
        meant.join(behind, on=["text", "start", "city"], how="left")
        .join(named, on=["text", "country"], how="left")
        .with_columns(pl.col("behind", "elsewhere").fill_null(False))
    )


def _abbreviations(gazetteer: Gazetteer, terms: Terms, meant: pl.DataFrame) -> pl.DataFrame:
    """The abbreviations right behind cities: text, start, country, region."""
    after = meant.select("text", start=pl.col("start") + pl.col("words")).unique().filter(pl.col("start") < len(terms.hashes))
    places = after["start"].to_numpy()
    same = terms.texts[places] == after["text"].to_numpy()
    here = after.filter(pl.Series(same)).with_columns(key=pl.Series(terms.hashes[places[same]]))
    return here.join(gazetteer.abbreviations, on="key").select("text", "start", "country", "region")


def countries(gazetteer: Gazetteer, found: pl.DataFrame) -> pl.DataFrame:
    """The country that each text names, if it names only one, or a region of it: text, country, key."""
    possible = found.drop("words").join(gazetteer.names, on="key")
    whole = possible.filter((pl.col("kind") != CITY) & ~pl.col("common"))
    one = whole.group_by("text").agg(pl.col("country", "start", "key").first(), pl.col("country").n_unique().alias("several"))
    return one.filter(pl.col("several") == 1).drop("several")


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
    """How much speaks for a city against others: inhabitants and company. Needs home and same_city beside `cities`."""
    company = pl.col("behind") * 4.0 + pl.col("elsewhere") * 1.5 + pl.col("home") * 1.0 + pl.col("same_city") * 1.5
    return (pl.col("population") + 1.0).log10() + company - pl.col("alternate") * 0.5


def at_home(possible: pl.DataFrame, homes: pl.DataFrame) -> pl.DataFrame:
    """The cities with home (in its author's country) and same_city; `homes` has text, home_city, home_country."""
    return possible.join(homes, on="text", how="left").with_columns(
        home=(pl.col("country") == pl.col("home_country")).fill_null(False),
        same_city=((pl.col("city") == pl.col("home_city")) & (pl.col("city") != NO_CITY)).fill_null(False),
    )


def likeliest(possible: pl.DataFrame) -> pl.DataFrame:
    """For each text the city with most weight; adds rivals, how many other cities are named there."""
    ranked = possible.with_columns(weight=weight()).sort("text", "weight", descending=[False, True])
    named = possible.group_by("text").agg(rivals=pl.col("start").n_unique() - 1)
    return ranked.unique("text", keep="first", maintain_order=True).join(named, on="text", how="left", maintain_order="left")


