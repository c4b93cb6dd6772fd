"""Tweets of the API v1.1."""

from __future__ import annotations

import pytest

from formats.reading_samples import decode, reason, sample
from lapwing.formats import x_v1
from lapwing.model import FINAL

POSTS = decode("x_v1", sample("x_v1.ndjson")).posts
TWEET = sample("x_v1.ndjson")[0]


def test_a_tweet_with_everything() -> None:
    row = POSTS.row(0, named=True)
    assert row == {
        "record": 0,
        "uid": "x:2140000012582912000",
        "uid_time_us": 1_799_050_736_934_000,
        "version": 0,
        "kind": 0,
        "author": "x:501",
        "author_name": "nell_example",
        "text": "Tree down <here> & nobody hurt",
        "lang": "en",
        "created_at_us": 1_799_143_202_000_000,
        "longitude": 115.8,
        "latitude": -31.9,
        "place_name": "Carrow, Western Australia",
        "place_country": "AU",
        "place_longitude": 116.0,
        "place_latitude": -31.5,
        "profile": "Carrow",
        "url": None,
        "alias": None,
        "alias_time_us": 0,
        "about": None,
    }


def test_long_texts_are_whole_and_the_old_geo_is_the_other_way_round() -> None:
    row = POSTS.row(1, named=True)
    assert row["text"] == "The whole story begins and it also ends"
    assert (row["longitude"], row["latitude"]) == (115.5, -31.5)
    assert row["lang"] == "id"


def test_a_retweet_has_the_text_of_the_original_and_goes_before_quote_and_reply() -> None:
    row = POSTS.row(2, named=True)
    assert (row["kind"], row["about"]) == (3, "x:2140000016777216000")
    assert row["text"] == "The whole story begins and it also ends"
    assert (row["lang"], row["profile"]) == ("he", None)


def test_a_quote_goes_before_a_reply_and_old_ids_hold_no_time() -> None:
    row = POSTS.row(3, named=True)
    assert (row["kind"], row["about"], row["uid_time_us"], row["lang"]) == (2, "x:11", 0, "und")
    assert POSTS.row(4, named=True)["about"] == "x:2140000012582912000"
    assert POSTS["kind"].to_list() == [0, 0, 3, 2, 1]


def test_deletes_and_control_lines() -> None:
    decoded = decode("x_v1", sample("x_v1.ndjson"))
    assert decoded.changes.rows() == [
        (5, 0, "x:2140000012582912000", 1_799_050_736_934_000, "x:501", FINAL, 1_799_143_800_456_000),
        (6, 0, "x:21", 0, "x:501", FINAL, 1_799_143_800_456_000),
    ]
    controls = ("limit", "warning", "disconnect", "scrub_geo", "status_withheld", "user_withheld")
    assert decoded.filtered == dict.fromkeys(controls, 1)
    assert decoded.refused == []


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (TWEET[:100], "truncated JSON: it ends in the middle, at byte 100"),
        (b"hello", "not JSON: invalid character at byte 0"),
        (b"", "an empty record"),
        (b"[1]", "the record should be an object, not a list"),
        (b"{}", "no id"),
        (TWEET.replace(b"Tree", b"Tr\xffe"), "not UTF-8 at byte 113"),
        (TWEET.replace(b"Tree", b"\\ud83d"), "a lone surrogate in a text: not Unicode"),
        (TWEET.replace(b"nobody hurt", b"\\ud83d"), "a lone surrogate in a text: not Unicode"),
        (
            TWEET.replace(b'"Tree down &lt;here&gt; &amp; nobody hurt"', b"17"),
            "text should be text, not a whole number",
        ),
        (TWEET.replace(b'"text"', b'"words"'), "no text"),
        (TWEET.replace(b"Jan 05", b"Foo 05"), "created_at 'Tue Foo 05 10:00:02 +0000 2027' is not a date"),
        (TWEET.replace(b"2027", b"2005"), "created_at 'Tue Jan 05 10:00:02 +0000 2005' is before 2006"),
        (
            TWEET.replace(b"Jan 05", b"Jan 07"),
            "created_at 'Tue Jan 07 10:00:02 +0000 2027' is more than a day after it was received",
        ),
        (
            TWEET.replace(b"[115.8,-31.9]", b"[215.8,-31.9]"),
            "coordinates 215.8, -31.9 are not on Earth (longitude, latitude)",
        ),
        (TWEET.replace(b"115.8", b"NaN"), "not JSON: invalid character at byte 359"),
        (TWEET.replace(b'"2140000012582912000"', b'"' + b"9" * 30 + b'"'), f"id '{'9' * 30}' is not a number"),
        (TWEET[:-1] + b',"z":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deep"),
        (b'{"delete":{"status":{}}}', "delete: no id"),
        (b'{"delete":{"status":{"id":5},"timestamp_ms":"soon"}}', "delete: timestamp_ms 'soon' is not a time"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(value: bytes, why: str) -> None:
    assert reason("x_v1", value) == why


def test_nul_is_taken_out_and_the_tweet_kept() -> None:
    decoded = decode("x_v1", [TWEET.replace(b"Tree", b"Tr\\u0000ee")])
    assert decoded.posts["text"].to_list() == ["Tree down <here> & nobody hurt"]


def test_it_recognises_its_own() -> None:
    assert all(map(x_v1.recognises, sample("x_v1.ndjson")))
    assert not any(map(x_v1.recognises, sample("x_v2.ndjson") + sample("mastodon.ndjson") + sample("jetstream.ndjson")))
