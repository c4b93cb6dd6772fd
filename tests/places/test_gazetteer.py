"""A gazetteer of a few cities, built by hand: which names are in it, and how they are found."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lapwing.places.gazetteer import Gazetteer, build, describe
from lapwing.places.homes import terms_of, with_flags_named
from lapwing.places.mentions import Terms, evidence, find
from lapwing.places.tables import Tables
from lapwing.text.words import cut_hashed

CITY_ROWS = [
    (1, "Perth", -31.95, 115.86, "AU", "08", 2_384_371, ["PER", "pert", "Пърт", "パース", "珀斯"]),
    (2, "Perth", 56.4, -3.43, "GB", "SCT", 47_350, ["Pairth"]),
    (3, "Tokyo", 35.69, 139.69, "JP", "40", 9_733_276, ["東京", "東京都", "Tokio"]),
    (4, "Kyoto", 35.02, 135.75, "JP", "22", 1_463_723, ["京都"]),
    (5, "New York City", 40.71, -74.01, "US", "NY", 8_804_190, ["Nueva York"]),
    (6, "Reading", 51.46, -0.97, "GB", "ENG", 318_014, []),
    (7, "Luck", 50.75, 25.33, "UA", "24", 215_986, ["Luc’k"]),
    (8, "Bangkok", 13.75, 100.5, "TH", "40", 5_104_476, ["กรุงเทพ", "กรุงเทพมหานคร"]),
]
TABLES = Tables(
    cities=pl.DataFrame(
        CITY_ROWS,
        schema={
            "id": pl.UInt32, "name": pl.String, "latitude": pl.Float64, "longitude": pl.Float64, "country": pl.String,
            "region": pl.String, "population": pl.UInt32, "alternates": pl.List(pl.String),
        },
        orient="row",
    ),
    countries=pl.DataFrame(
        [("AU", "AUS", "Australia", 1), ("GB", "GBR", "United Kingdom", 1), ("JP", "JPN", "Japan", 1), ("US", "USA", "United States", 1)],
        schema={"country": pl.String, "code": pl.String, "name": pl.String, "population": pl.UInt32},
        orient="row",
    ),
    states=pl.DataFrame([("NY", "New York"), ("WA", "Washington")], schema=["region", "name"], orient="row"),
)  # fmt: skip


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return build(TABLES)


def terms_in(gazetteer: Gazetteer, texts: list[str]) -> Terms:
    return terms_of([cut_hashed(with_flags_named(gazetteer, pl.Series(texts)))], pl.Series([], dtype=pl.String))


def names(gazetteer: Gazetteer, text: str) -> list[str]:
    terms = terms_in(gazetteer, [text])
    return evidence(gazetteer, terms, find(gazetteer, terms)).to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("From Perth to Tokio", ["perth", "tokio"]),
        ("東京都へ行く", ["東京都"]),
        ("京都と東京", ["京都", "東京"]),
        ("ฝนตกที่กรุงเทพมหานคร", ["กรุงเทพมหานคร"]),
        ("in new york city today", ["new york city"]),
        ("#NuevaYork #東京", ["#nuevayork", "東京"]),
        ("ambassador, perthite, newyork", []),
        ("pert PER Per", []),  # transliterations and airport codes are no names
        ("🇯🇵 はい", ["japan"]),
        ("", []),
    ],
)
def test_names_are_found_as_whole_words(gazetteer: Gazetteer, text: str, expected: list[str]) -> None:
    assert names(gazetteer, text) == expected


def test_names_do_not_cross_from_one_text_to_the_next(gazetteer: Gazetteer) -> None:
    terms = terms_in(gazetteer, ["new", "york", "tokyo"])
    assert find(gazetteer, terms).texts.tolist() == [2]


def test_the_gate_lets_every_name_in(gazetteer: Gazetteer) -> None:
    for row in CITY_ROWS:
        assert names(gazetteer, str(row[1])) == [str(row[1]).lower()]


def test_cities_are_described_by_id(gazetteer: Gazetteer) -> None:
    assert [(city["name"], city["country"]) for city in describe(gazetteer, [2, 99])] == [("Perth", "GB")]


def test_keys_are_sorted_and_each_is_found(gazetteer: Gazetteer) -> None:
    keys = gazetteer.keys.keys
    assert bool(np.all(keys[1:] > keys[:-1]))
    assert gazetteer.keys.find(keys).tolist() == list(range(len(keys)))
    assert set(gazetteer.keys.find(keys + np.uint64(1)).tolist()) == {-1}
    assert gazetteer.keys.count.sum() == len(gazetteer.meanings.kind)
