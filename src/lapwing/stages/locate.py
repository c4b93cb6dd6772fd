"""Says where a post is: by its coordinates, the platform's place, a name in its text, or where its author lives.

The first of the four that says something decides, in this order. A post of which only the country is known has place 0;
one of which nothing is known has place 0 and no country. Both are answers, not failures.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from lapwing.contracts import Stage, Transform
from lapwing.model import EVIDENCE, LOCATED
from lapwing.places import mentions
from lapwing.places.distance import distance_km, nearest
from lapwing.places.gazetteer import NO_CITY, Gazetteer
from lapwing.places.homes import homes, read_terms
from lapwing.places.mentions import Terms
from lapwing.text.words import explode, hash_terms

PLACE_KM = 100.0
"""A city of the platform's place's name is the place if it is not farther from the place's middle."""

CONFIDENCE_MAX = 0.95
"""No name in a text is surer than this."""

LETTERS_MIN = 4
"""Shorter names (usa, kl) count in a text only with capitals: they are words too."""

_FOUND = {
    "row": pl.UInt32(),
    "city": pl.UInt32(),
    "country": pl.String(),
    "confidence": pl.Float32(),
    "words": pl.String(),
}
"""What each way of locating finds: at most one row for a post."""


def _make(resources: dict[str, Any]) -> Transform:
    gazetteer: Gazetteer = resources["gazetteer"]

    def locate(posts: pl.DataFrame) -> pl.DataFrame:
        lived = _by_profile(gazetteer, posts)
        ways = {
            "coordinates": _by_coordinates(gazetteer, posts),
            "place": _by_place(gazetteer, posts),
            "mention": _by_mention(gazetteer, posts, lived),
            "profile": lived,
        }
        return posts.with_columns(_first_answer(gazetteer, posts.height, ways))

    return locate


def _first_answer(gazetteer: Gazetteer, height: int, ways: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The columns of `LOCATED` from what was found; a way later in the list decides only where earlier ones are silent.

    A country named in the text gives way to a city in that country where the author lives.
    """
    city = np.full(height, NO_CITY, dtype=np.uint32)
    by = np.zeros(height, dtype=np.uint8)
    chosen = np.zeros(height, dtype=np.uint32)
    columns = [
        pl.DataFrame({"country": [""], "confidence": [0.0], "words": [None]}, schema_overrides={"words": pl.String})
    ]
    offset = 1
    countries = pl.Series([""])
    for name, found in ways.items():
        rows = found["row"].to_numpy()
        same = (countries.gather(chosen[rows]) == found["country"]).to_numpy() & (city[rows] == NO_CITY)
        finer = same & (found["city"].to_numpy() != NO_CITY)
        free = np.flatnonzero((by[rows] == 0) | finer)
        city[rows[free]] = found["city"].to_numpy()[free]
        by[rows[free]] = EVIDENCE.index(name)
        chosen[rows[free]] = free + offset
        columns.append(found.select("country", pl.col("confidence").cast(pl.Float64), "words"))
        countries = pl.concat([countries, found["country"]])
        offset += found.height
    answers = pl.concat(columns)[chosen]
    ids = np.append(gazetteer.cities["id"].to_numpy(), 0)[np.minimum(city, gazetteer.cities.height)]
    return pl.DataFrame(
        [ids, answers["country"], by, answers["confidence"].cast(pl.Float32), answers["words"]], schema=LOCATED
    )


def _by_coordinates(gazetteer: Gazetteer, posts: pl.DataFrame) -> pl.DataFrame:
    known = posts.select("longitude", "latitude").with_row_index("row").drop_nulls()
    if known.is_empty():
        return pl.DataFrame(schema=_FOUND)
    points = known.select("longitude", "latitude").unique(maintain_order=True)
    near = nearest(gazetteer.cells, gazetteer.cities, points)
    located = points.with_row_index("point").join(near, on="point").join(known, on=["longitude", "latitude"])
    certain = (1.0 - pl.col("distance_km") / 100).cast(pl.Float32)
    words = pl.format("{}, {}", pl.col("latitude").round(4), pl.col("longitude").round(4))
    return _with_country(gazetteer, located).select("row", "city", "country", confidence=certain, words=words)


def _with_country(gazetteer: Gazetteer, located: pl.DataFrame) -> pl.DataFrame:
    return located.with_columns(gazetteer.cities["country"].gather(located["city"].to_numpy()).alias("country"))


def _by_place(gazetteer: Gazetteer, posts: pl.DataFrame) -> pl.DataFrame:
    """The city of the platform's place: one of its name near its middle, or else the city that its middle belongs to."""
    fields = ["place_name", "place_country", "place_longitude", "place_latitude"]
    given = posts.select(fields).with_row_index("row").filter(pl.any_horizontal(pl.col(fields).is_not_null()))
    if given.is_empty():
        return pl.DataFrame(schema=_FOUND)
    places = given.select(fields).unique(maintain_order=True).with_row_index("text")
    named = _named_place(gazetteer, places)
    middles = places.select(longitude="place_longitude", latitude="place_latitude")
    near = nearest(gazetteer.cells, gazetteer.cities, middles).rename({"point": "text"})
    unnamed = near.join(named, on="text", how="anti").select("text", "city", confidence=pl.lit(0.6))
    cities = pl.concat([named.filter(pl.col("city") != NO_CITY), unnamed])
    answers = places.join(_with_country(gazetteer, cities), on="text", how="left").select(
        *fields,
        pl.col("city").fill_null(NO_CITY),
        country=pl.coalesce("place_country", "country", pl.lit("")),
        confidence=pl.col("confidence").fill_null(0.8).cast(pl.Float32),
    )
    found = given.join(answers, on=fields, nulls_equal=True).select(*_FOUND.keys() - {"words"}, words="place_name")
    return found.filter((pl.col("city") != NO_CITY) | (pl.col("country") != "")).select(list(_FOUND))


def _named_place(gazetteer: Gazetteer, places: pl.DataFrame) -> pl.DataFrame:
    """The cities that platform's places are named after: text, city, confidence; `NO_CITY` for a region or country."""
    terms = read_terms(gazetteer, places["place_name"].fill_null(""))
    found = mentions.find(gazetteer, terms).unique("text", keep="first", maintain_order=True)
    possible = mentions.cities(gazetteer, terms, found).join(places, on="text")
    there = gazetteer.cities[possible["city"].to_numpy()]
    far = distance_km(
        possible["place_longitude"].cast(pl.Float64).to_numpy(), possible["place_latitude"].cast(pl.Float64).to_numpy(),
        there["longitude"].to_numpy(), there["latitude"].to_numpy(),
    )  # fmt: skip
    fits = (pl.col("country") == pl.col("place_country")).fill_null(True) & (pl.col("far").fill_nan(0) <= PLACE_KM)
    first = possible["start"].to_numpy() == np.searchsorted(terms.texts, possible["text"].to_numpy())
    right = possible.with_columns(
        far=pl.Series(far), first=pl.Series(first), home=pl.lit(False), same_city=pl.lit(False)
    ).filter(fits)
    cities = mentions.likeliest(right).select("text", "city", confidence=pl.when("first").then(0.95).otherwise(0.7))
    lands = mentions.countries(gazetteer, found).join(cities, on="text", how="anti")
    return pl.concat([cities, lands.select("text", city=pl.lit(NO_CITY, dtype=pl.UInt32), confidence=pl.lit(0.9))])


def _by_profile(gazetteer: Gazetteer, posts: pl.DataFrame) -> pl.DataFrame:
    given = (
        posts.select(words="profile")
        .with_row_index("row")
        .filter(pl.col("words").is_not_null() & (pl.col("words") != ""))
    )
    if given.is_empty():
        return pl.DataFrame(schema=_FOUND)
    profiles = given["words"].unique(maintain_order=True)
    answers = pl.concat([profiles.to_frame(), homes(gazetteer, profiles)], how="horizontal").filter(
        pl.col("country") != ""
    )
    located = given.join(answers, on="words", maintain_order="left")
    return located.select("row", "city", "country", pl.col("confidence") * 0.8, "words")


def _by_mention(gazetteer: Gazetteer, posts: pl.DataFrame, lived: pl.DataFrame) -> pl.DataFrame:
    flat = explode(posts["terms"])
    terms = Terms(flat["row"].to_numpy(), flat["term"], hash_terms(flat["term"]).to_numpy(), posts["text"])
    found = mentions.find(gazetteer, terms)
    if found.is_empty():
        return pl.DataFrame(schema=_FOUND)
    homes_known = lived.select(text="row", home_city="city", home_country="country")
    possible = mentions.at_home(mentions.cities(gazetteer, terms, found), homes_known)
    believed = _believed(possible, terms)
    best = mentions.likeliest(believed)
    company = (
        pl.col("behind") * 0.3
        + pl.max_horizontal("elsewhere", "home") * 0.15
        + (pl.col("population") >= 1_000_000) * 0.1
    )
    doubt = (pl.col("rivals") > 0) * 0.1 + pl.col("small") * 0.15 + pl.col("common") * 0.1
    certain = (0.5 + company - doubt).clip(0.1, CONFIDENCE_MAX)
    cities = best.select("text", "city", "country", confidence=certain, words=mentions.evidence(terms, best))
    whole = mentions.countries(gazetteer, found).join(cities, on="text", how="anti").join(found, on=["text", "start"])
    shown = whole.with_columns(
        words=mentions.evidence(terms, whole), written=posts["text"].gather(whole["text"].to_numpy())
    )
    short = (pl.col("words").str.len_chars() < LETTERS_MIN) & _written_small(pl.col("words"), pl.col("written"))
    lands = shown.filter(~short).select("text", "country", confidence=pl.lit(0.5), words="words")
    answers = pl.concat([cities, lands.with_columns(city=pl.lit(NO_CITY, dtype=pl.UInt32)).select(cities.columns)])
    return answers.select(
        row="text", city="city", country="country", confidence=pl.col("confidence").cast(pl.Float32), words="words"
    )


def _believed(possible: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """The cities that count; adds small, whether the text writes the name without a capital."""
    at_home = pl.col("home") & (pl.col("population") >= pl.when("common").then(1_000_000).otherwise(50_000))
    company = (
        pl.col("behind") | (pl.col("elsewhere") & ~pl.col("common")) | ((pl.col("same_city") | at_home) & ~pl.col("alternate"))
    )  # fmt: skip
    likely = possible.filter(company | mentions.stands_alone())
    likely = likely.filter(mentions.whole_words(terms, likely))
    written = terms.written.gather(likely["text"].to_numpy()) if terms.written is not None else pl.lit("")
    shown = likely.with_columns(written=written, name=mentions.evidence(terms, likely))
    shown = shown.with_columns(small=_written_small(pl.col("name"), pl.col("written")))
    large = (pl.col("population") >= 500_000) & (pl.col("name").str.len_chars() >= LETTERS_MIN)
    tall = ~pl.col("small") | (large & ~pl.col("alternate") & ~pl.col("common"))
    return shown.filter(tall).drop("written", "name")


def _written_small(name: pl.Expr, text: pl.Expr) -> pl.Expr:
    """Whether a text has a name, which is folded, without a capital; False in scripts that have none."""
    cased = name.str.contains(r"^(?:\p{Latin}|\p{Cyrillic}|\p{Greek})")
    return cased & text.str.normalize("NFD").str.replace_all(r"\p{Mn}", "").str.contains(name, literal=True)


STAGE = Stage(version="1", adds=LOCATED, make=_make, resources=("gazetteer",))
