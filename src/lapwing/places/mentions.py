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

from lapwing.places.gazetteer import CITY, NO_CITY, Gazetteer, Hashes, may_begin, mixed
from lapwing.text.words import UNSPACED

LAND_POPULATION_MIN = 500_000
"""A city that shares its name with a region or country is meant when it is of this size: New York, but not Ontario."""


class Terms(msgspec.Struct, frozen=True):
    """The terms of some texts, as `text.words` cut them, all in one row."""

    texts: NDArray[np.uint32]
    """For each term, the text it belongs to; sorted."""
    terms: pl.Series
    hashes: Hashes
    written: pl.Series | None = None
    """The texts themselves, where their capitals are trusted; not for profiles."""


def find(gazetteer: Gazetteer, terms: Terms) -> pl.DataFrame:
    """The names among terms: text UInt32, start (position among all terms), words, key UInt64.

    Of names that overlap, the one that begins first counts, and of those the longest: 東京都 is Tokyo and not Kyoto.
    """
    texts, hashes = terms.texts, terms.hashes
    opens = np.zeros(len(hashes), dtype=np.bool_)
    opens[may_begin(gazetteer, hashes)] = True
    opens[may_begin(gazetteer, mixed(hashes[:-1], hashes[1:]))] = True
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
    names = terms.terms.gather(found["start"].to_numpy()).alias("words")
    long = np.flatnonzero(found["words"].to_numpy() > 1)
    if not len(long):
        return names
    sizes = found["words"].to_numpy()[long]
    firsts = np.cumsum(sizes) - sizes
    places = np.repeat(found["start"].to_numpy()[long] - firsts, sizes) + np.arange(sizes.sum())
    parts = pl.DataFrame({"name": np.repeat(long, sizes), "term": terms.terms.gather(places)})
    gathered = parts.group_by("name", maintain_order=True).agg("term").select(
        unspaced=pl.col("term").list.first().str.contains(UNSPACED),
        spaced=pl.col("term").list.join(" "),
        run=pl.col("term").list.eval(pl.element().str.slice(0, 1)).list.join("") + pl.col("term").list.last().str.slice(1),
    )  # fmt: skip
    return names.scatter(long, gathered.select(pl.when("unspaced").then("run").otherwise("spaced")).to_series())


def cities(gazetteer: Gazetteer, terms: Terms, found: pl.DataFrame) -> pl.DataFrame:
    """The cities that found names may mean, with their company: columns of `Gazetteer.names`, text, start, and
    behind (its region or country stands right behind it) and elsewhere (its country is named somewhere else in the
    text). Left out are those behind which another region or country stands, and small ones that share their name with
    a region or country.
    """
    possible = found.drop("words").join(gazetteer.names, on="key", maintain_order="left")
    others = possible.filter(pl.col("kind") != CITY)
    lands = others.select("text", "start", land=True).unique()
    meant = possible.filter(pl.col("kind") == CITY).join(lands, on=["text", "start"], how="left")
    large = (pl.col("population") >= LAND_POPULATION_MIN) & ~pl.col("alternate")
    named = others.filter(~pl.col("common")).group_by("text", "country").agg(elsewhere=pl.col("start").max())
    spoken = pl.concat([others.select("text", "start", "country", "region"), _abbreviations(gazetteer, terms, meant)])
    return (
        _with_behind(meant, spoken)
        .join(named, on=["text", "country"], how="left")
        .with_columns(elsewhere=(pl.col("elsewhere") != pl.col("start")).fill_null(False))
        .filter(
            ~pl.col("contradicted") & (pl.col("land").is_null() | large | (pl.col("behind") & ~pl.col("alternate")))
        )
    )


def _with_behind(meant: pl.DataFrame, spoken: pl.DataFrame) -> pl.DataFrame:
    """Adds behind, and contradicted: what stands behind is another region or country."""
    after = meant.select("text", "city", "country", "region", at="start", start=pl.col("start") + pl.col("words"))
    right = pl.concat([
        after.join(spoken.filter(pl.col("region") == ""), on=["text", "start", "country"], how="semi"),
        after.join(spoken.filter(pl.col("region") != ""), on=["text", "start", "country", "region"], how="semi"),
    ]).select("text", "city", start="at", behind=True).unique()  # fmt: skip
    any_behind = (
        after.join(spoken, on=["text", "start"], how="semi").select("text", "city", start="at", followed=True).unique()
    )
    return (
        meant.join(right, on=["text", "start", "city"], how="left")
        .join(any_behind, on=["text", "start", "city"], how="left")
        .with_columns(pl.col("behind", "followed").fill_null(False))
        .with_columns(contradicted=pl.col("followed") & ~pl.col("behind"))
        .drop("followed")
    )


def _abbreviations(gazetteer: Gazetteer, terms: Terms, meant: pl.DataFrame) -> pl.DataFrame:
    """The abbreviations right behind cities: text, start, country, region. Those that are words count in capitals."""
    after = (
        meant.select("text", start=pl.col("start") + pl.col("words"))
        .unique()
        .filter(pl.col("start") < len(terms.hashes))
    )
    places = after["start"].to_numpy()
    same = terms.texts[places] == after["text"].to_numpy()
    here = after.filter(pl.Series(same)).with_columns(key=pl.Series(terms.hashes[places[same]]))
    short = here.join(gazetteer.abbreviations, on="key")
    if terms.written is not None:
        capitals = terms.terms.gather(short["start"].to_numpy()).str.to_uppercase()
        shown = short.with_columns(capitals=capitals, written=terms.written.gather(short["text"].to_numpy()))
        short = shown.filter(~pl.col("risky") | pl.col("written").str.contains(pl.col("capitals"), literal=True))
    return short.select("text", "start", "country", "region")


def whole_words(terms: Terms, possible: pl.DataFrame) -> pl.Series:
    """Whether each found name is no piece of a longer run of Katakana: ロンドン, but not the クラン in スクランブル."""
    kana = np.flatnonzero(possible["kana"].to_numpy())
    whole = np.ones(possible.height, dtype=np.bool_)
    starts, rows = possible["start"].to_numpy()[kana], possible["text"].to_numpy()[kana]
    before = np.maximum(starts - 1, 0)
    after = np.minimum(starts + possible["words"].to_numpy()[kana], len(terms.hashes) - 1)
    pair = r"^[ァ-ヿ][ァ-ヿ]$"
    inside = (
        terms.terms.gather(before).str.contains(pair).to_numpy() & (terms.texts[before] == rows) & (before < starts)
    )
    inside |= terms.terms.gather(after).str.contains(pair).to_numpy() & (terms.texts[after] == rows) & (after > starts)
    whole[kana] = ~inside
    return pl.Series(whole)


def countries(gazetteer: Gazetteer, found: pl.DataFrame) -> pl.DataFrame:
    """The country that each text names, if it names only one, or a region of it: text, country, key."""
    possible = found.drop("words").join(gazetteer.names, on="key")
    whole = possible.filter((pl.col("kind") != CITY) & ~pl.col("common"))
    one = whole.group_by("text").agg(
        pl.col("country", "start", "key").first(), pl.col("country").n_unique().alias("several")
    )
    return one.filter(pl.col("several") == 1).drop("several")


def stands_alone() -> pl.Expr:
    """Whether a city's name is believed without company: by its length, its script, and the city's inhabitants."""
    people, first = pl.col("population"), ~pl.col("alternate")
    spaced = (
        pl.when(pl.col("words") > 1).then(people >= pl.when(first).then(20_000).otherwise(200_000))
        .otherwise(people >= pl.when(first).then(100_000).otherwise(500_000))
    )  # fmt: skip
    two = pl.when("kana").then(2_000_000).otherwise(200_000)
    unspaced = people >= pl.when(pl.col("words") > 3).then(50_000).when(pl.col("words") > 1).then(100_000).otherwise(
        two
    )
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
    return ranked.unique("text", keep="first", maintain_order=True).join(
        named, on="text", how="left", maintain_order="left"
    )
