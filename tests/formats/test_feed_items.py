"""Items of RSS and Atom feeds, in the form in which the source writes them down."""

from __future__ import annotations

from hashlib import sha256

import pytest

from formats.reading_samples import decode, reason, sample
from lapwing.formats import feed_items

LINES = sample("feed_items.ndjson")
DECODED = decode("feed_items", LINES)
POSTS = {row["record"]: row for row in DECODED.posts.iter_rows(named=True)}


def test_an_item_with_everything() -> None:
    said = {name: value for name, value in POSTS[0].items() if value is not None}
    assert said == {
        "record": 0,
        "uid": "feed:" + sha256(b"https://www.news.example/rss\nnews-1").hexdigest()[:32],
        "uid_time_us": 0,
        "version": 1_799_141_400_000_000,
        "kind": 0,
        "author": "feed:news.example/Desk",
        "author_name": "Desk",
        "text": "Road closed & wet\nMill Road is closed.",
        "lang": "en-au",
        "created_at_us": 1_799_139_600_000_000,
        "longitude": 144.96,
        "latitude": -37.81,
        "url": "https://news.example/a/1",
        "alias_time_us": 0,
    }


def test_an_item_without_id_is_named_by_its_link_and_no_script_is_an_address() -> None:
    row = POSTS[1]
    assert row["uid"] == "feed:" + sha256(b"news.example\njavascript:alert(1)").hexdigest()[:32]
    assert row["url"] is None
    assert (row["created_at_us"], row["text"]) == (1_799_114_400_000_000, "No guid, odd date\nplain")


def test_where_no_date_can_be_read_an_item_is_of_the_day_on_which_it_was_seen() -> None:
    row = POSTS[2]
    assert (row["created_at_us"], row["version"], row["longitude"]) == (1_799_136_000_000_000, 0, None)
    assert row["text"] == "Bridge open"  # the content begins with the title


def test_an_address_names_the_same_item_in_all_feeds_of_a_host_and_in_no_other() -> None:
    assert POSTS[2]["uid"] == POSTS[3]["uid"]
    assert POSTS[4]["uid"] != POSTS[2]["uid"]


def test_a_tombstone_deletes_the_item() -> None:
    deleted_us = 1_799_146_800_000_000
    assert DECODED.changes.rows() == [(5, 0, POSTS[0]["uid"], 0, None, deleted_us, deleted_us)]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"{}", "not an item of a feed: no address in feed"),
        (
            LINES[3].replace(b'"https://news.example/other.xml"', b'"http://[::1"'),
            "not an item of a feed: no address in feed",
        ),
        (LINES[3].replace(b'"title"', b'"heading"'), "no title, summary or content"),
        (LINES[3].replace(b"Tue, 05 Jan 2027 08:00:00 GMT", b"soon"), "created_at 'soon' is not a date"),
        (LINES[3].replace(b'"published"', b'"made"'), "no created_at"),
        (LINES[3].replace(b"2027", b"1999"), "created_at 'Tue, 05 Jan 1999 08:00:00 GMT' is before 2006"),
        (LINES[5].replace(b'"2027-01-05T11:00:00Z"', b'"once"'), "deleted 'once' is not a date"),
        (LINES[5].replace(b'"id"', b'"name"'), "deleted: no id"),
        (LINES[0].replace(b"144.96", b"444.96"), "coordinates 444.96, -37.81 are not on Earth (longitude, latitude)"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(value: bytes, why: str) -> None:
    assert reason("feed_items", value) == why


def test_it_recognises_its_own() -> None:
    assert all(map(feed_items.recognises, LINES))
    others = [
        each for name in ("x_v1", "x_v2", "mastodon", "jetstream", "discord") for each in sample(f"{name}.ndjson")
    ]
    assert not any(map(feed_items.recognises, others))
