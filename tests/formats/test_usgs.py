"""Earthquakes of USGS."""

from __future__ import annotations

import pytest

from formats.reading_samples import decode, reason, sample
from lapwing.formats import usgs
from lapwing.model import FINAL

LINES = sample("usgs.ndjson")
DECODED = decode("usgs", LINES)
POSTS = {row["record"]: row for row in DECODED.posts.iter_rows(named=True)}


def test_an_earthquake() -> None:
    said = {name: value for name, value in POSTS[0].items() if value is not None}
    assert said == {
        "record": 0,
        "uid": "usgs:us7000a1",
        "uid_time_us": 0,
        "version": 1_799_143_260_001_000,
        "kind": 0,
        "author": "usgs:us",
        "author_name": "us",
        "text": "M 5.4 - 61 km E of Inventura, Nowhere",
        "lang": "en",
        "created_at_us": 1_799_143_200_001_000,
        "longitude": 142.3,
        "latitude": 38.1,
        "url": "https://earthquake.example/1",
        "alias": "usgs:at00a1",
        "alias_time_us": 0,
    }


def test_what_the_title_leaves_out_is_said() -> None:
    assert POSTS[1]["text"] == "M 1.0 - 61 km E of Inventura, Nowhere"
    assert POSTS[3]["text"] == "Quarry blast - 61 km E of Inventura, Nowhere"
    assert (POSTS[1]["author"], POSTS[1]["longitude"]) == ("usgs:us", None)


def test_a_deleted_earthquake_deletes_what_was_said_until_then() -> None:
    deleted_us = 1_799_143_260_003_000
    assert DECODED.changes.rows() == [(2, 0, "usgs:us7000a3", 0, "usgs:us", deleted_us, deleted_us)]
    undated = decode("usgs", [LINES[2].replace(b'"updated"', b'"changed"')])
    assert undated.changes["version"].to_list() == [FINAL]


def test_a_collection_is_split_into_its_features() -> None:
    collection = b'{"type":"FeatureCollection","metadata":{},"features":[' + LINES[0] + b", " + LINES[2] + b"]}"
    assert usgs.split(collection) == [LINES[0], LINES[2]]
    assert usgs.PAGE.match(collection)
    assert usgs.split(b'{"type":"FeatureCollection","features":[]}') is None


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"{}", "not a feature of USGS: no properties"),
        (b'{"properties":{}}', "not a feature of USGS: no id"),
        (LINES[0].replace(b'"time":1799143200001', b'"time":null'), "no created_at"),
        (LINES[0].replace(b'"time":1799143200001', b'"time":9e15'), "created_at '9000000000000000' is not a date"),
        (LINES[0].replace(b"1799143260001", b"-5"), "updated -5 is not a time in milliseconds"),
        (LINES[0].replace(b"38.1", b"98.1"), "coordinates 142.3, 98.1 are not on Earth (longitude, latitude)"),
        (
            LINES[0].replace(b'"place":"61 km E of Inventura, Nowhere"', b'"place":null').replace(b'"title"', b'"t"').replace(b"5.4,", b"null,", 1),
            "no text",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_a_reason(value: bytes, why: str) -> None:
    assert reason("usgs", value) == why


def test_it_recognises_its_own_and_no_other_feature() -> None:
    assert all(map(usgs.recognises, LINES))
    assert not usgs.recognises(b'{"type":"Feature","properties":{"name":"a bridge"},"geometry":null}')
