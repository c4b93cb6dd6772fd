"""Says where a post is: by its coordinates, the platform's place, a name in its text, or where its author lives.

The first of the four that says something decides, in this order. A post of which only the country is known has place 0;
one of which nothing is known has place 0 and no country. Both are answers, not failures.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapwing.contracts import Stage, Transform
from lapwing.model import EVIDENCE, LOCATED
from lapwing.places import mentions
from lapwing.places.distance import distance_km, nearest
from lapwing.places.gazetteer import NO_CITY, Gazetteer
from lapwing.places.homes import homes, terms_of, with_flags_named
from lapwing.places.meanings import Flags, Numbers
from lapwing.places.mentions import Cities, Found, Reading, Terms
from lapwing.text.words import cut_hashed

PLACE_KM = 100.0
"""A city of the platform's place's name is the place if it is not farther from the place's middle."""

CONFIDENCE_MAX = 0.95
"""No name in a text is surer than this."""

LETTERS_MIN = 4
"""Shorter names (usa, kl) count in a text only with capitals: they are words too."""

_PLACE = ["place_name", "place_country", "place_longitude", "place_latitude"]

_NOT_SAID = -1
"""The country of a place of which the platform does not say it."""


class _Distinct(msgspec.Struct, frozen=True):
    """Different values, and which rows have them."""

    values: pl.DataFrame
    rows: Numbers
    owners: Numbers
    """For each of `rows`, its row in `values`."""


class _Way(msgspec.Struct, frozen=True):
    """What one way of locating finds: at most one answer for a post."""

    rows: Numbers
    city: NDArray[np.uint32]
    country: Numbers
    """A row of the gazetteer's countries, or behind them of `_Asked.foreign`."""
    confidence: NDArray[np.float64]
    words: Numbers
    """Position in `pool` of the words that decided."""
    pool: pl.Series


class _Asked(msgspec.Struct, frozen=True):
    """All that is read in a batch: texts, profiles and names of places, each profile and place once."""

    posts: pl.DataFrame
    profiles: _Distinct
    places: _Distinct
    foreign: list[str]
    """The countries of places that the gazetteer does not know."""
    terms: Terms
    reading: Reading

    def countries(self, gazetteer: Gazetteer) -> Numbers:
        """The country of each place, `_NOT_SAID` where the platform does not say it."""
        known = gazetteer.lands.codes | {
            name: len(gazetteer.lands.codes) + number for number, name in enumerate(self.foreign)
        }
        said = [_NOT_SAID if name is None else known[name] for name in self.places.values["place_country"].to_list()]
        return np.array(said, dtype=np.int64)


def _make(resources: dict[str, Any]) -> Transform:
    gazetteer: Gazetteer = resources["gazetteer"]

    def locate(posts: pl.DataFrame) -> pl.DataFrame:
        asked = _asked(gazetteer, posts)
        lived = _by_profile(gazetteer, asked)
        ways = {
            "coordinates": _by_coordinates(gazetteer, posts),
            "place": _by_place(gazetteer, asked),
            "mention": _by_mention(gazetteer, asked, lived),
            "profile": lived,
        }
        return posts.with_columns(_first_answer(gazetteer, asked, ways))

    return locate


def _asked(gazetteer: Gazetteer, posts: pl.DataFrame) -> _Asked:
    profiles = _distinct(posts, ["profile"], (pl.col("profile") != "").fill_null(False))
    places = _distinct(posts, _PLACE, pl.any_horizontal(pl.col(_PLACE).is_not_null()))
    names = pl.concat([profiles.values["profile"], places.values["place_name"].fill_null("")])
    cut = [posts.select("terms", "term_hashes")]
    if len(names):
        cut.append(cut_hashed(with_flags_named(gazetteer, names)))
    terms = terms_of(cut, posts["text"])
    found = _without_later_names(mentions.find(gazetteer, terms), posts.height + profiles.values.height)
    given = places.values["place_country"].drop_nulls().unique(maintain_order=True).to_list()
    return _Asked(
        posts=posts,
        profiles=profiles,
        places=places,
        foreign=[name for name in given if name not in gazetteer.lands.codes],
        terms=terms,
        reading=mentions.read(gazetteer, terms, found),
    )


def _distinct(posts: pl.DataFrame, fields: list[str], given: pl.Expr) -> _Distinct:
    if all(posts[field].null_count() == posts.height for field in fields):
        nothing = np.zeros(0, dtype=np.int64)
        return _Distinct(posts.select(fields).clear(), nothing, nothing)
    rows = pl.int_range(pl.len(), dtype=pl.Int64).alias("row")
    groups = posts.lazy().select(*fields, rows).filter(given).group_by(fields, maintain_order=True).agg("row")
    values = groups.with_columns(count=pl.col("row").list.len()).collect()
    owners = np.repeat(np.arange(values.height), values["count"].to_numpy())
    return _Distinct(values, values["row"].explode(empty_as_null=False).to_numpy(), owners)


def _without_later_names(found: Found, low: int) -> Found:
    """Only the first name in each text from `low` on: a place is what is named first."""
    later = np.diff(found.texts, prepend=found.texts[:1] + np.uint32(1)) == 0
    return found.at(np.flatnonzero(~(later & (found.texts >= low))))


def _first_answer(gazetteer: Gazetteer, asked: _Asked, ways: dict[str, _Way]) -> pl.DataFrame:
    """The columns of `LOCATED` from what was found; a way later in the list decides only where earlier ones are silent.

    A country named in the text gives way to a city in that country where the author lives.
    """
    height = asked.posts.height
    city = np.full(height, NO_CITY, dtype=np.uint32)
    by = np.zeros(height, dtype=np.uint8)
    country, words = np.zeros(height, dtype=np.int64), np.zeros(height, dtype=np.int64)
    confidence = np.zeros(height, dtype=np.float32)
    pools = [pl.Series([None], dtype=pl.String)]
    offset = 1
    for name, found in ways.items():
        finer = (country[found.rows] == found.country) & (city[found.rows] == NO_CITY) & (found.city != NO_CITY)
        free = np.flatnonzero((by[found.rows] == 0) | finer)
        rows = found.rows[free]
        city[rows] = found.city[free]
        by[rows] = EVIDENCE.index(name)
        country[rows] = found.country[free]
        confidence[rows] = found.confidence[free]
        words[rows] = found.words[free] + offset
        pools.append(found.pool)
        offset += len(found.pool)
    ids = gazetteer.ids[np.minimum(city, len(gazetteer.ids) - 1)]
    countries = pl.concat([gazetteer.lands.countries, pl.Series(asked.foreign, dtype=pl.String)])
    said = pl.concat([pool.alias("words") for pool in pools])
    return pl.DataFrame([ids, countries.gather(country), by, confidence, said.gather(words)], schema=LOCATED)


def _by_coordinates(gazetteer: Gazetteer, posts: pl.DataFrame) -> _Way:
    longitude, latitude = (posts[name].cast(pl.Float64) for name in ("longitude", "latitude"))
    near = nearest(gazetteer.cells, longitude.to_numpy(), latitude.to_numpy())
    words = pl.Series([], dtype=pl.String)
    if len(near.point):
        points = pl.DataFrame({"longitude": longitude.gather(near.point), "latitude": latitude.gather(near.point)})
        shown = pl.format("{}, {}", pl.col("latitude").round(4), pl.col("longitude").round(4))
        words = points.select(shown).to_series()
    return _Way(
        rows=near.point,
        city=near.city,
        country=gazetteer.homelands[near.city],
        confidence=1.0 - near.distance_km / 100,
        words=np.arange(len(near.point)),
        pool=words,
    )


def _by_place(gazetteer: Gazetteer, asked: _Asked) -> _Way:
    """The city of the platform's place: one of its name near its middle, or else the city that its middle belongs to."""
    values, rows, owners = asked.places.values, asked.places.rows, asked.places.owners
    city, confidence = np.full(values.height, NO_CITY, dtype=np.uint32), np.full(values.height, 0.8)
    said = asked.countries(gazetteer)
    longitude, latitude = (values[field].cast(pl.Float64).to_numpy() for field in ("place_longitude", "place_latitude"))
    near = nearest(gazetteer.cells, longitude, latitude)
    city[near.point], confidence[near.point] = near.city, 0.6
    low = asked.posts.height + asked.profiles.values.height
    named = asked.reading.between(low, low + values.height)
    possible = named.cities
    meant = gazetteer.meanings.city[possible.rows]
    cells = gazetteer.cells
    far = distance_km(
        longitude[possible.texts], latitude[possible.texts], cells.longitude[meant], cells.latitude[meant]
    )
    there = said[possible.texts]
    fits = (there == _NOT_SAID) | (there == gazetteer.homelands[meant])
    right = possible.at(np.flatnonzero(fits & ~(far > PLACE_KM)))
    best = right.at(mentions.likeliest(gazetteer, right)[0])
    lands = named.countries.texts
    city[lands], confidence[lands] = NO_CITY, 0.8
    begins = np.searchsorted(asked.terms.texts, best.texts + low) == asked.reading.found.starts[best.found]
    city[best.texts] = gazetteer.meanings.city[best.rows]
    confidence[best.texts] = np.where(begins, 0.95, 0.7)
    home = gazetteer.homelands[np.minimum(city, len(gazetteer.ids) - 1)]
    country = np.where(said == _NOT_SAID, home, said)
    known = ((city != NO_CITY) | (country != 0))[owners]
    rows, owners = rows[known], owners[known]
    return _Way(rows, city[owners], country[owners], confidence[owners], owners, values["place_name"])


def _by_profile(gazetteer: Gazetteer, asked: _Asked) -> _Way:
    low, profiles = asked.posts.height, asked.profiles
    high = low + profiles.values.height
    first, last = np.searchsorted(asked.terms.texts, [low, high])
    lengths = np.bincount(asked.terms.texts[first:last] - np.uint32(low), minlength=high - low)
    answers = homes(gazetteer, asked.reading.between(low, high), lengths)
    known = (answers.country != 0)[profiles.owners]
    rows, owners = profiles.rows[known], profiles.owners[known]
    confidence = answers.confidence[owners] * 0.8
    return _Way(rows, answers.city[owners], answers.country[owners], confidence, owners, profiles.values["profile"])


def _by_mention(gazetteer: Gazetteer, asked: _Asked, lived: _Way) -> _Way:
    found, height = asked.reading.found, asked.posts.height
    believed = _believed(gazetteer, asked, lived)
    names, small = _shown(gazetteer, asked, believed.found)
    position = np.cumsum(np.diff(believed.found, prepend=-1) != 0) - 1
    tall = _tall(gazetteer, believed, names, small, position)
    believed, position = believed.at(tall), position[tall]
    best, rivals = mentions.likeliest(gazetteer, believed)
    cities, position = believed.at(best), position[best]
    company = (
        cities.behind * 0.3
        + (cities.elsewhere | cities.home) * 0.15
        + (gazetteer.meanings.population[cities.rows] >= 1_000_000) * 0.1
    )
    doubt = (rivals > 0) * 0.1 + small[position] * 0.15 + gazetteer.meanings.common[cities.rows] * 0.1
    lands = asked.reading.between(0, height).countries
    lands = lands.at(np.flatnonzero(~mentions.among(cities.texts, lands.texts)))
    spoken = mentions.evidence(gazetteer, asked.terms, found.at(lands.found))
    clear = _clear(asked, lands.texts, spoken)
    return _Way(
        rows=np.concatenate([cities.texts, lands.texts[clear]]),
        city=np.append(gazetteer.meanings.city[cities.rows], np.full(len(clear), NO_CITY, dtype=np.uint32)),
        country=np.append(gazetteer.meanings.country[cities.rows], lands.countries[clear]),
        confidence=np.append((0.5 + company - doubt).clip(0.1, CONFIDENCE_MAX), np.full(len(clear), 0.5)),
        words=np.append(position, clear + len(names)),
        pool=pl.concat([names, spoken]),
    )


def _believed(gazetteer: Gazetteer, asked: _Asked, lived: _Way) -> Cities:
    """The cities in texts that count, however they are written."""
    height, found = asked.posts.height, asked.reading.found
    home_city, home_country = np.full(height, NO_CITY, dtype=np.uint32), np.zeros(height, dtype=np.int64)
    home_city[lived.rows], home_country[lived.rows] = lived.city, lived.country
    cities = asked.reading.between(0, height).cities
    meanings, rows, texts = gazetteer.meanings, cities.rows, cities.texts
    home, same_city = meanings.country[rows] == home_country[texts], meanings.city[rows] == home_city[texts]
    common = meanings.common[rows]
    at_home = home & (meanings.population[rows] >= np.where(common, 1_000_000, 50_000))
    company = cities.behind | (cities.elsewhere & ~common) | ((same_city | at_home) & ~meanings.alternate[rows])
    right = company | meanings.alone[rows]
    kana = np.flatnonzero(right & meanings.kana[rows])
    right[kana] = mentions.whole_words(asked.terms, found.at(cities.found[kana]))
    return msgspec.structs.replace(cities, home=home, same_city=same_city).at(np.flatnonzero(right))


def _shown(gazetteer: Gazetteer, asked: _Asked, found: Numbers) -> tuple[pl.Series, Flags]:
    """The words of some found names, each once, and whether the text writes them without a capital."""
    different = asked.reading.found.at(found[mentions.group_starts(found)])
    names = mentions.evidence(gazetteer, asked.terms, different)
    return names, mentions.written_small(names, asked.posts["text"].gather(different.texts))


def _tall(gazetteer: Gazetteer, cities: Cities, names: pl.Series, small: Flags, position: Numbers) -> Numbers:
    """Which cities count as they are written; `position` says which of the names means each."""
    meanings, rows = gazetteer.meanings, cities.rows
    long = names.str.len_chars().to_numpy() >= LETTERS_MIN
    large = (meanings.population[rows] >= 500_000) & long[position]
    return np.flatnonzero(~small[position] | (large & ~meanings.alternate[rows] & ~meanings.common[rows]))


def _clear(asked: _Asked, texts: Numbers, names: pl.Series) -> Numbers:
    """Which names of countries are surely meant: not the short ones that are written without a capital."""
    short = np.flatnonzero(names.str.len_chars().to_numpy() < LETTERS_MIN)
    right = np.ones(len(texts), dtype=np.bool_)
    if len(short):
        right[short] = ~mentions.written_small(names.gather(short), asked.posts["text"].gather(texts[short]))
    return np.flatnonzero(right)


STAGE = Stage(version="1", adds=LOCATED, make=_make, resources=("gazetteer",))
