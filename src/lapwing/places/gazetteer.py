"""The names of all cities, regions and countries, ready to be found among the terms of texts."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapwing.places.common_words import COMMON_NAMES
from lapwing.places.distance import city_cells
from lapwing.places.regions import COUNTRY_ALIASES, NICKNAMES, REGIONS, STATE_ABBREVIATIONS_LONG
from lapwing.places.tables import Tables
from lapwing.text.stop_words import stop_words
from lapwing.text.words import cut_lists, hash_terms, is_tail

TERMS_MAX = 12
"""Longer names are left out; names in scripts without spaces count their pairs."""

LETTERS_MIN = 4
"""Shorter alternate names of one word in a spaced script are codes, or words of some other language."""

NO_CITY = np.iinfo(np.uint32).max

CITY, REGION, COUNTRY, ABBREVIATION = 0, 1, 2, 3
"""What a name names. An abbreviation (``TX``, ``AU``) says something only right behind a city."""

_GATE_BITS = 20
_MIX = np.uint64(0x9E3779B97F4A7C15)

Hashes = NDArray[np.uint64]


class Gazetteer(msgspec.Struct, frozen=True):
    """Built once, shared by all; about 40 MB."""

    cities: pl.DataFrame
    """id UInt32, name, latitude, longitude, country, region, population UInt32; a `city` elsewhere is a row of it."""
    names: pl.DataFrame
    """key UInt64, kind, city, country, region, population, alternate, common, words; several rows for one key."""
    cells: pl.DataFrame
    gate: NDArray[np.bool_]
    """By the first bits of a term's hash, whether a name may begin with it."""
    firsts: Hashes
    """The hashes of all first terms, sorted."""
    longest: NDArray[np.int64]
    """How many terms the longest name has that begins so."""
    keys: Hashes
    """The keys of all names, sorted and different."""
    flags: dict[str, str]
    """A flag emoji and the name of its country."""


def mixed(keys: Hashes, hashes: Hashes) -> Hashes:
    """The keys of names that go on with one more term."""
    result: Hashes = keys * _MIX + hashes
    return result


def may_begin(gazetteer: Gazetteer, hashes: Hashes) -> NDArray[np.int64]:
    """Where names may begin among terms: a few too many, but fast."""
    return np.flatnonzero(gazetteer.gate[(hashes >> np.uint64(64 - _GATE_BITS)).astype(np.int64)])


def build(tables: Tables) -> Gazetteer:
    """Everything from the tables of `places.tables`; takes about 1.5 s."""
    cities = tables.cities.drop("alternates")
    spoken = pl.concat([_city_names(tables), _region_names(tables), _country_names(tables)])
    terms = _name_terms(spoken["name"])
    keyed = _keyed(terms)
    names = (
        spoken.with_row_index("row")
        .join(keyed, on="row")
        .with_columns(common=(pl.col("words") == 1) & pl.col("term").is_in(list(COMMON_NAMES.union(stop_words()["word"]))))
        .sort("alternate")
        .unique(["key", "kind", "city", "country", "region"], keep="first")
        .sort("key")
    )
    beginnings = names.group_by("first").agg(pl.col("words").max()).sort("first")
    firsts = beginnings["first"].to_numpy()
    gate = np.zeros(1 << _GATE_BITS, dtype=np.bool_)
    gate[(firsts >> np.uint64(64 - _GATE_BITS)).astype(np.int64)] = True
    return Gazetteer(
        cities=cities,
        names=names.select("key", "kind", "city", "country", "region", "population", "alternate", "common", "unspaced", "words"),
        cells=city_cells(cities["longitude"].to_numpy(), cities["latitude"].to_numpy()),
        gate=gate,
        firsts=firsts,
        longest=beginnings["words"].to_numpy().astype(np.int64),
        keys=np.unique(names["key"].to_numpy()),
        flags={_flag(code): name for code, name in tables.countries.select("country", "name").iter_rows()},
    )


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
    columns = [pl.col("name"), pl.col("kind"), pl.col("city"), pl.col("country"), pl.col("region"), pl.col("population")]
    own = cities.select(*columns, pl.lit(False).alias("alternate"))
    latin = pl.col("name").str.contains(r"\p{Latin}")
    alternates = (
        cities.drop("name").rename({"alternates": "name"}).explode("name").drop_nulls("name")
        .filter(
            ~pl.col("name").str.contains(r"\d|,|\(|،")
            & (~latin | (pl.col("name").str.contains(r"^\p{Lu}.*\p{Ll}") & (pl.col("name").str.len_chars() >= LETTERS_MIN)))
        )
        .select(*columns, pl.lit(True).alias("alternate"))
    )  # fmt: skip
    nicknames = pl.DataFrame(
        [(key, name) for key, names in NICKNAMES.items() for name in names], schema={"id": pl.UInt32, "name": pl.String}, orient="row"
    )
    short = nicknames.join(cities.drop("name"), on="id").select(*columns, pl.lit(False).alias("alternate"))
    return pl.concat([own, alternates, short])


def _region_names(tables: Tables) -> pl.DataFrame:
    rows = [(name, REGION, "US", region) for region, name in tables.states.iter_rows()]
    rows += [(region, ABBREVIATION, "US", region) for region in tables.states["region"]]
    rows += [(name, ABBREVIATION, "US", region) for region, names in STATE_ABBREVIATIONS_LONG.items() for name in names]
    for country, regions in REGIONS.items():
        for region, names in regions.items():
            rows += [(name, ABBREVIATION if name.isupper() else REGION, country, region) for name in names]
    return _spoken(rows)


def _country_names(tables: Tables) -> pl.DataFrame:
    rows = [(name, COUNTRY, country, "") for country, _, name, _ in tables.countries.iter_rows()]
    rows += [(code, ABBREVIATION, country, "") for country, long, _, _ in tables.countries.iter_rows() for code in (country, long)]
    rows += [(name, COUNTRY, country, "") for country, names in COUNTRY_ALIASES.items() for name in names]
    return _spoken(rows)


def _name_terms(names: pl.Series) -> pl.DataFrame:
    """The terms of each name: row UInt32, term, hash, place in the name; without the tails that only texts have."""
    terms = pl.DataFrame({"row": pl.int_range(len(names), dtype=pl.UInt32, eager=True), "term": cut_lists(names)})
    flat = terms.filter(pl.col("term").list.len() > 0).explode("term").filter(~is_tail())
    return flat.with_columns(hash_terms(flat["term"]).alias("hash"), pl.int_range(pl.len()).over("row").alias("place"))


def _keyed(terms: pl.DataFrame) -> pl.DataFrame:
    """One row for each name: its key, its first term and the term's hash, its number of terms."""
    sizes = terms.group_by("row", maintain_order=True).agg(
        pl.len().alias("words"), pl.col("hash").first().alias("first"), pl.col("term").first(),
        pl.col("term").first().str.contains(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]").alias("unspaced"),
    )  # fmt: skip
    starts = np.cumsum(sizes["words"].to_numpy()) - sizes["words"].to_numpy()
    hashes, words = terms["hash"].to_numpy(), sizes["words"].to_numpy()
    keys = hashes[starts]
    for place in range(1, TERMS_MAX):
        longer = np.flatnonzero(words > place)
        keys[longer] = mixed(keys[longer], hashes[starts[longer] + place])
    lone = pl.col("unspaced") & (pl.col("words") == 1) & (pl.col("term").str.len_chars() == 1)
    return sizes.with_columns(pl.Series("key", keys)).filter((pl.col("words") <= TERMS_MAX) & ~lone)


def describe(gazetteer: Gazetteer, ids: list[int]) -> list[dict[str, Any]]:
    """Name, country and position of cities by their GeoNames id, for people to read; unknown ids are left out."""
    return gazetteer.cities.filter(pl.col("id").is_in(ids)).to_dicts()
