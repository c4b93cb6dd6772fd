"""Rows of tables of posts."""

from __future__ import annotations

import msgspec
import pytest

from formats.reading_samples import decode, reason
from lapwing.formats import csv_rows


def row(**cells: str) -> bytes:
    return msgspec.json.encode(cells)


def test_names_are_guessed_and_ids_of_tweets_are_those_of_x() -> None:
    cells = {
        "Tweet ID": "2140000012582912000",
        " Tweet Text": "Hail",
        "Timestamp": "2027-01-05 10:00:00",
        "user": "ada",
    }
    post = decode("csv_rows", [msgspec.json.encode(cells)]).posts.row(0, named=True)
    assert (post["uid"], post["author"], post["author_name"]) == ("x:2140000012582912000", "x:ada", "ada")
    assert (post["uid_time_us"], post["created_at_us"]) == (1_799_050_736_934_000, 1_799_143_200_000_000)


def test_other_ids_are_those_of_the_source() -> None:
    value = row(id="17", message="Water", date="1799143200", lat="-31.95", lon="115.86", lang="EN", country="au")
    post = decode("csv_rows", [value], source="survey").posts.row(0, named=True)
    assert (post["uid"], post["author"], post["lang"], post["place_country"]) == ("survey/17", "", "en", "AU")
    assert (post["longitude"], post["latitude"]) == (115.86, -31.95)
    assert post["created_at_us"] == post["uid_time_us"] == 1_799_143_200_000_000


def test_a_tweet_without_a_date_takes_that_of_its_id() -> None:
    post = decode("csv_rows", [row(tweet_id="2140000012582912000", text="Hail")]).posts.row(0, named=True)
    assert post["created_at_us"] == 1_799_050_736_934_000


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (row(id="1", text="a"), "no created_at"),
        (row(id="1", text="a", date="soon"), "created_at 'soon' is not a date"),
        (row(id="", text="a"), "no id among the columns id, text"),
        (row(id="1", other="a"), "no text among the columns id, other"),
        (row(id="1", text="a", date="2027-01-05", lat="x", lon="1"), "coordinates '1', 'x' are not numbers"),
        (
            row(csv_problem="3 columns, but the header names 2"),
            "not a row of the table: 3 columns, but the header names 2",
        ),
        (
            b'{"id":{"a":1},"text":"b"}',
            "[...] should be true or false or a whole number or a number or text, not an object",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(value: bytes, why: str) -> None:
    assert reason("csv_rows", value) == why


def test_it_recognises_flat_objects_of_texts() -> None:
    assert csv_rows.recognises(row(id="1", text="a"))
    assert not csv_rows.recognises(b'{"id":1,"text":"a"}')
    assert not csv_rows.recognises(row(a="1", b="2"))
