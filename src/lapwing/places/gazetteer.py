"""The names of all cities, regions and countries, ready to be found among the terms of texts."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapwing.native.matching import Names as Spelled
from lapwing.places.distance import Cells, city_cells
from lapwing.places.meanings import (
    ABBREVIATION,
    CITY,
    COUNTRY,
    INDEX_BITS,
    REGION,
    Flags,
    Hashes,
    Keys,
    Lands,
    Meanings,
    Numbers,
    keys_of,
    lands_of,
    meanings_of,
)
from lapwing.places.misleading import MISLEADING
from lapwing.places.regions import COUNTRY_ALIASES, NICKNAMES, PARTS, REGIONS, STATE_ABBREVIATIONS_LONG
from lapwing.places.tables import Tables
from lapwing.text.stop_words import stop_words
from lapwing.text.words import UNSPACED, cut_lists, hash_terms, is_tail

TERMS_MAX = 12
"""Longer names are left out; names in scripts without spaces count their pairs."""

LETTERS_MIN = 4
"""Shorter alternate names in Latin letters are codes, or words of some other language."""

ALTERNATE_WORD_POPULATION_MIN = 500_000
"""Alternate names of one word in Latin letters count for cities of this size only: Soo, Luck, Rise are names too."""

ALTERNATE_POPULATION_MIN = 50_000
"""Other alternate names count for cities of this size."""

COMMON_POPULATION_MIN = 100_000
"""Names that are common words count, with company, for cities of this size."""

NO_CITY = np.iinfo(np.uint32).max

_GATE_BITS = 22
_MIX = np.uint64(0x9E3779B97F4A7C15)


class Gazetteer(msgspec.Struct, frozen=True):
    """Built once, shared by all; about 40 MB."""

    cities: pl.DataFrame
    """id UInt32, name, latitude, longitude, country, region, population UInt32; a `city` elsewhere is a row of it."""
    ids: NDArray[np.uint32]
    """The ids of cities; one more at the end, 0, for `NO_CITY`."""
    homelands: Numbers
    """The countries of cities, as numbers of `lands`; one more at the end, 0, for `NO_CITY`."""
    cells: Cells
    lands: Lands
    meanings: Meanings
    """What names mean; `keys` says where each name's meanings are."""
    keys: Keys
    """The keys of all names and of all beginnings of names; those of beginnings only have no meaning."""
    gate: Flags
    """A Bloom filter with two functions (see `gate_of`) of the keys of one or two terms with which names begin."""
    abbreviations: Keys
    """The keys of what may stand behind a city, with rows in `Abbreviations`."""
    abbreviated: Abbreviations
    flags: dict[str, str]
    """A flag emoji and the name of its country."""

    @property
    def spelled(self) -> Spelled:
        """The names as the compiled part wants them."""
        keys = self.keys
        return Spelled(self.gate, keys.keys, keys.index, keys.count, int(_MIX), _GATE_BITS, INDEX_BITS)


class Abbreviations(msgspec.Struct, frozen=True):
    """What abbreviations stand for."""

    area: Numbers
    risky: Flags
    """Whether one is also a word, and counts in capitals only."""


class Names(msgspec.Struct, frozen=True):
    """What takes long to make of the tables; may be kept on a disk, for one version of GeoNames and of the terms."""

    cities: pl.DataFrame
    names: pl.DataFrame
    """key UInt64, kind, city, country, region, population, alternate, common, unspaced, kana, words, and hashes
    List(UInt64), the terms of the name; sorted by key, and several rows for a name of several places."""
    countries: pl.DataFrame


def mixed(keys: Hashes, hashes: Hashes) -> Hashes:
    """The keys of names that go on with one more term."""
    result: Hashes = keys * _MIX + hashes
    return result


def gate_of(keys: Hashes, function: int) -> Numbers:
    """Where in `Gazetteer.gate` keys stand by one of the two functions, 0 or 1."""
    places = keys >> np.uint64(64 - _GATE_BITS * (function + 1))
    return (places & np.uint64((1 << _GATE_BITS) - 1) if function else places).view(np.int64)


def may_begin(gazetteer: Gazetteer, keys: Hashes) -> Numbers:
    """Where keys of one or two terms may begin a name: all that do, and one in a hundred that do not."""
    maybe = np.flatnonzero(gazetteer.gate[gate_of(keys, 0)])
    return maybe[gazetteer.gate[gate_of(keys[maybe], 1)]]


def build(tables: Tables) -> Gazetteer:
    """Everything from the tables of `places.tables`; takes about a second."""
    return assemble(spoken_names(tables))


def spoken_names(tables: Tables) -> Names:
    """Every name that may be found, folded as texts are; takes nearly all the time of `build`."""
    spoken = pl.concat([_city_names(tables), _region_names(tables), _country_names(tables)])
    plain = spoken.with_row_index("row").join(_name_terms(spoken["name"]), on="row")
    known = pl.concat([plain, _as_hashtags(plain)])
    common_words = pl.Series(sorted(MISLEADING.union(stop_words()["word"])))
    common = pl.col("term").str.strip_prefix("#").is_in(common_words.implode()) & (pl.col("words") == 1)
    rare = pl.col("alternate") & ~pl.col("unspaced") & (pl.col("words") == 1) & pl.col("latin")
    named = known.with_columns(common=common).filter(
        ~((pl.col("kind") == CITY) & pl.col("common") & (pl.col("population") < COMMON_POPULATION_MIN))
        & ~(rare & (pl.col("population") < ALTERNATE_WORD_POPULATION_MIN))
    )
    return Names(
        cities=tables.cities.drop("alternates"),
        names=named.sort("alternate")
        .unique(["key", "kind", "city", "country", "region"], keep="first")
        .sort("key", "city", "country", "region"),
        countries=tables.countries,
    )


def assemble(names: Names) -> Gazetteer:
    """The gazetteer from its names; takes about 0.1 s."""
    found = names.names.filter(pl.col("kind") != ABBREVIATION)
    short = names.names.filter(pl.col("kind") == ABBREVIATION)
    cities, keys, short_keys = names.cities, found["key"].to_numpy(), short["key"].to_numpy()
    beginnings, gate = _beginnings(found)
    lands = lands_of([names.names["country"], cities["country"]], [names.names["region"]])
    return Gazetteer(
        cities=cities,
        ids=np.append(cities["id"].to_numpy(), np.uint32(0)),
        homelands=np.append(lands.country(cities["country"]), 0),
        cells=city_cells(cities),
        lands=lands,
        meanings=meanings_of(found, lands),
        keys=keys_of(np.union1d(beginnings, keys), keys),
        gate=gate,
        abbreviations=keys_of(np.unique(short_keys), short_keys),
        abbreviated=Abbreviations(area=lands.area(short["country"], short["region"]), risky=short["common"].to_numpy()),
        flags={_flag(code): name for code, name in names.countries.select("country", "name").iter_rows()},
    )


def _beginnings(names: pl.DataFrame) -> tuple[Hashes, Flags]:
    """The keys of the beginnings of all names, and the gate that lets names of one word and pairs of terms in."""
    hashes, words = names.explode("hashes")["hashes"].to_numpy(), names["words"].to_numpy()
    starts = np.cumsum(words) - words
    gate = np.zeros(1 << _GATE_BITS, dtype=np.bool_)
    singles = hashes[starts[words == 1]]
    gate[gate_of(singles, 0)] = gate[gate_of(singles, 1)] = True
    keys, parts = hashes[starts], []
    for place in range(1, TERMS_MAX):
        longer = np.flatnonzero(words > place)
        parts.append(keys[longer])
        keys[longer] = mixed(keys[longer], hashes[starts[longer] + place])
        if place == 1:
            gate[gate_of(keys[longer], 0)] = gate[gate_of(keys[longer], 1)] = True
    return np.unique(np.concatenate(parts)), gate


def _flag(country: str) -> str:
    return "".join(chr(0x1F1E6 + ord(letter) - ord("A")) for letter in country)


def _spoken(rows: list[tuple[str, int, str, str]]) -> pl.DataFrame:
    """Names of regions and countries: name, kind, country, region."""
    schema = {"name": pl.String, "kind": pl.UInt8, "country": pl.String, "region": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row").select(
        "name", "kind", pl.lit(NO_CITY, dtype=pl.UInt32).alias("city"), "country", "region",
        pl.lit(0, dtype=pl.UInt32).alias("population"), pl.lit(False).alias("alternate"),
    )  # fmt: skip


def _city_names(tables: Tables) -> pl.DataFrame:
    """First names, alternate names and nicknames; transliterations, which GeoNames writes small, are left out."""
    cities = tables.cities.with_row_index("city").with_columns(pl.lit(CITY, dtype=pl.UInt8).alias("kind"))
    columns = [
        pl.col("name"),
        pl.col("kind"),
        pl.col("city"),
        pl.col("country"),
        pl.col("region"),
        pl.col("population"),
    ]
    own = cities.select(*columns, pl.lit(False).alias("alternate"))
    latin = pl.col("name").str.contains(r"\p{Latin}")
    alternates = (
        cities.drop("name").rename({"alternates": "name"}).explode("name").drop_nulls("name")
        .filter(
            (pl.col("population") >= ALTERNATE_POPULATION_MIN)
            & ~pl.col("name").str.contains(r"\d|,|\(|،")
            & (~latin | (pl.col("name").str.contains(r"^\p{Lu}.*\p{Ll}") & (pl.col("name").str.len_chars() >= LETTERS_MIN)))
        )
        .select(*columns, pl.lit(True).alias("alternate"))
    )  # fmt: skip
    nicknames = pl.DataFrame(
        [(key, name) for key, names in NICKNAMES.items() for name in names],
        schema={"id": pl.UInt32, "name": pl.String},
        orient="row",
    )
    short = nicknames.join(cities.drop("name"), on="id").select(*columns, pl.lit(False).alias("alternate"))
    return pl.concat([own, alternates, short])


def _region_names(tables: Tables) -> pl.DataFrame:
    rows = [(name, REGION, "US", region) for region, name in tables.states.iter_rows()]
    rows += [(region, ABBREVIATION, "US", region) for region in tables.states["region"]]
    rows += [(name, ABBREVIATION, "US", region) for region, names in STATE_ABBREVIATIONS_LONG.items() for name in names]
    for country, regions in REGIONS.items():
        for region, names in regions.items():
            rows += [
                (name, ABBREVIATION if name.isascii() and len(name) <= 3 else REGION, country, region) for name in names
            ]
    rows += [(name, REGION, country, "") for country, names in PARTS.items() for name in names]
    return _spoken(rows)


def _country_names(tables: Tables) -> pl.DataFrame:
    rows = [(name, COUNTRY, country, "") for country, _, name, _ in tables.countries.iter_rows()]
    rows += [
        (code, ABBREVIATION, country, "")
        for country, long, _, _ in tables.countries.iter_rows()
        for code in (country, long)
    ]
    rows += [(name, COUNTRY, country, "") for country, names in COUNTRY_ALIASES.items() for name in names]
    return _spoken(rows)


def _name_terms(names: pl.Series) -> pl.DataFrame:
    """One row for each name that has terms: row UInt32, first term, hashes, key, words, unspaced, latin."""
    lists = pl.DataFrame({"row": pl.int_range(len(names), dtype=pl.UInt32, eager=True), "term": cut_lists(names)})
    flat = lists.filter(pl.col("term").list.len() > 0).explode("term").filter(~is_tail())
    first, tag = pl.col("term").first(), pl.lit("#") + pl.col("term").str.join("")
    terms = flat.with_columns(hash_terms(flat["term"]).alias("hashes")).group_by("row", maintain_order=True).agg(
        first, tag.alias("tag"), pl.col("hashes"), pl.len().cast(pl.Int64).alias("words"),
        first.str.contains(UNSPACED).alias("unspaced"), first.str.contains(r"\p{Katakana}").alias("kana"), first.str.contains(r"\p{Latin}").alias("latin"),
    )  # fmt: skip
    lone = pl.col("unspaced") & (pl.col("words") == 1) & (pl.col("term").str.len_chars() == 1)
    kept = terms.filter((pl.col("words") <= TERMS_MAX) & ~lone)
    return kept.with_columns(
        pl.Series("key", _keys(kept.explode("hashes")["hashes"].to_numpy(), kept["words"].to_numpy()))
    )


def _as_hashtags(names: pl.DataFrame) -> pl.DataFrame:
    """Names as one writes them behind a #, without spaces. In unspaced scripts a hashtag is cut as other words are."""
    tags = names.filter(~pl.col("unspaced") & (pl.col("kind") != ABBREVIATION)).with_columns(term="tag")
    hashes = hash_terms(tags["term"])
    return tags.with_columns(words=pl.lit(1, dtype=pl.Int64), key=hashes, hashes=hashes.reshape((-1, 1)).arr.to_list())


def _keys(hashes: Hashes, words: NDArray[np.int64]) -> Hashes:
    """The key of each name, from the terms of all names in one row and how many each has."""
    starts = np.cumsum(words) - words
    keys: Hashes = hashes[starts]
    for place in range(1, TERMS_MAX):
        longer = np.flatnonzero(words > place)
        keys[longer] = mixed(keys[longer], hashes[starts[longer] + place])
    return keys


def describe(gazetteer: Gazetteer, ids: list[int]) -> list[dict[str, Any]]:
    """Name, country and position of cities by their GeoNames id, for people to read; unknown ids are left out."""
    return gazetteer.cities.filter(pl.col("id").is_in(ids)).to_dicts()
