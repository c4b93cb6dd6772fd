"""Events of LINE's webhook."""

from __future__ import annotations

import pytest

from formats.reading_samples import decode, reason, sample
from lapwing.formats import line
from lapwing.model import FINAL

LINES = sample("line.ndjson")
DECODED = decode("line", LINES)
POSTS = {row["record"]: row for row in DECODED.posts.iter_rows(named=True)}
DELIVERY = b'{"destination":"U1","events":[' + LINES[0] + b"," + LINES[4] + b"]}"


def test_a_text_message() -> None:
    said = {name: value for name, value in POSTS[0].items() if value is not None}
    assert said == {
        "record": 0,
        "uid": "line:585000000000000001",
        "uid_time_us": 0,
        "version": 0,
        "kind": 0,
        "author": "line:U11111111111111111111111111111111",
        "text": "น้ำท่วม 🌊",
        "created_at_us": 1_799_143_200_001_000,
        "alias_time_us": 0,
    }


def test_a_location_has_coordinates_and_the_words_of_its_title_and_address() -> None:
    row = POSTS[1]
    assert (row["text"], row["longitude"], row["latitude"]) == ("ที่ตั้ง\nInvented Rd", 100.5018, 13.7563)


def test_a_message_that_quotes_is_a_reply_and_the_group_stands_for_who_is_not_named() -> None:
    row = POSTS[2]
    assert (row["kind"], row["about"]) == (1, "line:585000000000000001")
    assert row["author"] == "line:C22222222222222222222222222222222"


def test_an_edit_has_its_own_time_as_version() -> None:
    row = POSTS[3]
    assert (row["uid"], row["version"]) == ("line:585000000000000003", 1_799_143_200_009_000)
    assert row["text"] == "bridge closed, NOT collapsed"


def test_what_is_delivered_again_is_the_same_post() -> None:
    assert POSTS[5] == POSTS[0] | {"record": 5}


def test_unsending_deletes() -> None:
    author = "line:U33333333333333333333333333333333"
    assert DECODED.changes.rows() == [(4, 0, "line:585000000000000002", 0, author, FINAL, 1_799_143_200_010_000)]


def test_the_rest_is_counted_by_what_it_is() -> None:
    assert DECODED.filtered == {"sticker": 1, "other message": 1, "follow": 1, "other event": 1}


def test_a_delivery_is_split_into_its_events() -> None:
    assert line.split(DELIVERY) == [LINES[0], LINES[4]]
    assert line.PAGE.match(DELIVERY)
    assert line.recognises(DELIVERY)
    assert reason("line", DELIVERY) == "a delivery of 2 events that was not split"


def test_a_delivery_of_nothing_only_verifies() -> None:
    verification = b'{"destination":"U1","events":[]}'
    assert line.split(verification) is None
    assert decode("line", [verification]).filtered == {"empty delivery": 1}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"{}", "not an event of LINE: no type"),
        (LINES[10], "message: neither userId, groupId nor roomId"),
        (LINES[0].replace(b'"message":{"id"', b'"message":{"name"'), "message: no message id"),
        (LINES[0].replace(b'"text":', b'"words":'), "no text"),
        (LINES[4].replace(b'"messageId"', b'"name"'), "unsend: no messageId"),
        (LINES[0].replace(b"1799143200001", b"17991432000019999"), "created_at '17991432000019999' is not a date"),
        (LINES[0].replace(b"1799143200001", b"1"), "created_at '1' is before 2006"),
        (
            LINES[1].replace(b"13.7563", b"137.563"),
            "coordinates 100.5018, 137.563 are not on Earth (longitude, latitude)",
        ),
        (LINES[0].replace(b"1799143200001", b'"now"'), "timestamp should be a whole number, not text"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(value: bytes, why: str) -> None:
    assert reason("line", value) == why


def test_it_recognises_its_own() -> None:
    assert all(map(line.recognises, LINES))
    others = [
        each for name in ("x_v1", "x_v2", "mastodon", "jetstream", "discord") for each in sample(f"{name}.ndjson")
    ]
    assert not any(map(line.recognises, others))
