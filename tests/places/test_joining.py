"""Rows of reference tables and the cities that they belong to, from small tables with known answers."""

from __future__ import annotations

import polars as pl
import pytest

from lapwing.errors import UnreadableInput
from lapwing.places.joining import Join, Region, bare_name, fold_name, join
from lapwing.places.reference import Row, code_of, columns_of, number_of, read_rows, region_of

CITIES = pl.DataFrame(
    [
        (1, "Albury", "AU", "02", 100, 146.9, -36.1),
        (2, "Perth", "AU", "08", 2_000, 115.9, -32.0),
        (3, "Perth", "GB", "SCT", 50, -3.4, 56.4),
        (4, "Geelong", "AU", "07", 300, 144.4, -38.1),
        (5, "Logan City", "AU", "04", 350, 153.1, -27.6),
        (6, "Campbelltown", "AU", "05", 90, 138.7, -34.9),
        (7, "Campbelltown", "AU", "02", 80, 150.8, -34.1),
        (8, "Mexico City", "MX", "09", 9_000, -99.1, 19.4),
        (9, "México", "PH", "03", 100, 120.7, 15.1),
        (10, "Queanbeyan", "AU", "02", 40, 149.2, -35.4),
        (11, "Suva", "FJ", "01", 90, 178.4, -18.1),
    ],
    schema={
        "id": pl.UInt32,
        "name": pl.String,
        "country": pl.String,
        "region": pl.String,
        "population": pl.UInt32,
        "longitude": pl.Float64,
        "latitude": pl.Float64,
    },
    orient="row",
)


def named(*names: str) -> list[Region]:
    return [Region(str(90_000 + number), name) for number, name in enumerate(names)]


@pytest.mark.parametrize(
    ("name", "place", "how"),
    [
        ("Albury", 1, "name"),
        ("Albury (C)", 1, "name"),
        ("ALBURY (RC)", 1, "name"),
        ("City of Albury", 1, "name without additions"),
        ("Albury City", 1, "name without additions"),
        ("Rural City of Albury", 1, "name without additions"),
        ("Albury Regional (A)", 1, "name without additions"),
        ("Greater Geelong (C)", 4, "name without additions"),
        ("Logan (C)", 5, "name without additions"),
        ("Campbelltown (C) (NSW)", 7, "name"),
        ("Campbelltown (SA)", 6, "name"),
        ("Campbelltown", 6, "name"),
        ("Mexico City", 8, "name"),
        ("Queanbeyan-Palerang Regional (A)", 10, "part of the name"),
        ("Perth (S)", 2, "name"),
    ],
)
def test_a_name_is_found_whatever_offices_add(name: str, place: int, how: str) -> None:
    assert join(named(name), CITIES) == [Join(0, place, how)]


@pytest.mark.parametrize("name", ["Nowhere", "Unincorporated ACT", "", "(C)", "City", "Campbelltown (Vic.)"])
def test_what_is_no_city_is_left(name: str) -> None:
    assert join(named(name), CITIES) == []


def test_a_country_keeps_names_at_home() -> None:
    assert join(named("Perth"), CITIES, "GB") == [Join(0, 3, "name")]
    assert join(named("Perth"), CITIES, "FJ") == []


def test_a_city_has_one_row() -> None:
    assert join(named("Albury City", "Albury (C)"), CITIES) == [Join(1, 1, "name")]


def test_codes_are_known_when_most_are() -> None:
    assert join([Region("1"), Region("4"), Region("77")], CITIES) == [
        Join(0, 1, "GeoNames id"),
        Join(1, 4, "GeoNames id"),
    ]
    assert join([Region("1", "Nowhere"), Region("77"), Region("78")], CITIES) == []
    countries = [Region("AU", "Australia"), Region("gb"), Region("XX")]
    assert [each.place for each in join(countries, CITIES)] == ["AU", "GB"]


def test_an_area_holds_what_lies_in_it_but_for_its_holes() -> None:
    square = [(140.0, -40.0), (150.0, -40.0), (150.0, -30.0), (140.0, -30.0)]
    hole = [(146.0, -37.0), (147.5, -37.0), (147.5, -35.0), (146.0, -35.0)]
    assert {each.place for each in join([Region("a", None, None, [square])], CITIES)} == {1, 4, 10}
    assert {each.place for each in join([Region("a", None, None, [square, hole])], CITIES)} == {4, 10}


def test_a_city_takes_the_nearest_point_within_reach() -> None:
    points = [
        Region("far", None, (115.9, -31.0)),
        Region("near", None, (115.9, -32.1)),
        Region("sea", None, (0.0, 0.0)),
    ]
    assert join(points, CITIES) == [Join(1, 2, "11 km away")]


def test_folded_names() -> None:
    assert fold_name("Break O`Day (M)") == "break oday"
    assert fold_name("São Paulo") == "sao paulo"
    assert bare_name("city") == "city"
    assert bare_name("kansas city") == "kansas"


def test_csv_as_offices_write_it() -> None:
    text = '\ufeffcode, name, "people", income\n"0815", "Albury, C", "1,234", 12.5\n\n0900,Perth,..,null\n'
    rows = read_rows(text.encode(), "a.csv")
    assert rows == [
        Row({"code": "0815", "name": "Albury, C", "people": 1234, "income": 12.5}),
        Row({"code": "0900", "name": "Perth", "people": None, "income": None}),
    ]
    assert columns_of(rows) == ["code", "name", "people", "income"]
    assert read_rows(b"a;b\n1;x\n", "a.csv") == [Row({"a": 1, "b": "x"})]
    assert read_rows(b"code,n\nNA,NA\nAU,3\n", "a.csv")[0].values == {"code": "NA", "n": None}


@pytest.mark.parametrize(
    "text",
    ['[{"k": 1}, {"k": 2}]', '{"a": {"k": 1}, "b": {"k": 2}}', '{"total": 2, "rows": [{"k": 1}, {"k": 2}]}'],
)
def test_json_as_a_list_or_an_object_of_rows(text: str) -> None:
    assert [row.values["k"] for row in read_rows(text.encode(), "a.json")] == [1, 2]


def test_geojson_gives_properties_and_positions() -> None:
    text = (
        '{"type": "FeatureCollection", "features": ['
        '{"type": "Feature", "properties": {"k": "a"}, "geometry": {"type": "Point", "coordinates": [115.9, -32, 5]}},'
        '{"type": "Feature", "properties": {"k": "b"}, "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]}},'
        '{"type": "Feature", "properties": {"k": "c"}, "geometry": {"type": "MultiPolygon", "coordinates": [[[[0, 0], [1, 0], [1, 1]]]]}},'
        '{"type": "Feature", "properties": {"k": "d"}, "geometry": null},'
        '{"type": "Feature", "properties": {"k": "e"}, "geometry": {"type": "Point", "coordinates": ["?"]}}]}'
    )
    regions = [region_of(row, "k", None) for row in read_rows(text.encode(), "a.geojson")]
    triangle = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]
    assert [(each.code, each.point, each.rings) for each in regions] == [
        ("a", (115.9, -32.0), []),
        ("b", None, [triangle]),
        ("c", None, [triangle]),
        ("d", None, []),
        ("e", None, []),
    ]


def test_columns_of_positions() -> None:
    assert region_of(Row({"k": 1.0, "Lon": "115.9", "LAT": -32}), "k", None) == Region("1", "1", (115.9, -32.0))
    assert region_of(Row({"k": None, "lon": 500, "lat": 0}), "k", None) == Region("", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "has no rows"),
        (b"a,b\n", "has no rows"),
        (b"a,b\n1,2,3\n", ":2 has 3 cells under 2 headings"),
        (b"\xff\xfea", "is not UTF-8"),
        (b"[1, 2]", "has 2 rows that are no objects"),
        (b'{"a": ', "is not JSON"),
    ],
)
def test_what_is_no_table_says_why(text: bytes, message: str) -> None:
    with pytest.raises(UnreadableInput, match=message):
        read_rows(text, "t.csv")


def test_numbers_and_codes() -> None:
    assert [number_of(text) for text in ("1", "-2.5", "1e3", "1,234", "01", "x", "")] == [
        1,
        -2.5,
        1000,
        1234,
        None,
        None,
        None,
    ]
    assert number_of(True) is None
    assert [code_of(value) for value in (10050, 10050.0, " 10050 ", None)] == ["10050", "10050", "10050", ""]
