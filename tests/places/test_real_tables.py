"""The ABS's and AURIN's tables of incomes, joined to GeoNames. Not collected without LAPWING_SAMPLES."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lapwing.places.joining import join
from lapwing.places.reference import read_rows, region_of
from resources import resource

TABLES = Path(os.environ["LAPWING_SAMPLES"]) / "tables"


@pytest.mark.parametrize(
    ("file", "key", "name", "rows", "joined_min"),
    [
        ("curated_sudoData_population.csv", "lga_code_2021", "lga_name_2021", 547, 80),
        ("aurin_income.json", "lga_code_2016", "lga_name16", 545, 80),
    ],
)
def test_cities_find_their_local_governments(file: str, key: str, name: str, rows: int, joined_min: int) -> None:
    table = read_rows((TABLES / file).read_bytes(), file)
    regions = [region_of(row, key, name) for row in table]
    cities = resource("gazetteer").cities
    joins = join(regions, cities, "AU")
    assert len(table) == rows
    assert len(joins) >= joined_min
    place_of = {regions[each.row].name: each.place for each in joins}
    large = {"Sydney": 2147714, "Melbourne": 2158177, "Brisbane": 2174003, "Perth": 2063523, "Adelaide": 2078025}
    found = {str(each).partition(" (")[0]: place for each, place in place_of.items()}
    assert large.items() <= found.items()
    assert found["Greater Geelong"] == 2165798


def test_the_raw_census_table_is_read() -> None:
    file = "raw_sudoData_abs_2021census_g33_aust_lga-239718880597863891.csv"
    rows = read_rows((TABLES / file).read_bytes(), file)
    assert len(rows) == 538
    assert rows[0].values["lga_code_2021"] == 10050
    assert rows[0].values["tot_family_households"] == 14360
