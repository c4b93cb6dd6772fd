"""Posts of the API v2 in all their shapes."""

from __future__ import annotations

import msgspec
import pytest

from formats.reading_samples import decode, reason, sample
from lapwing.formats import x_v2
from lapwing.model import FINAL

LINES = sample("x_v2.ndjson")
DECODED = decode("x_v2", LINES)
POSTS = {row["record"]: row for row in DECODED.posts.iter_rows(named=True)}


def test_a_post_with_what_it_includes() -> None:
    assert POSTS[0] == {
        "record": 0,
        "uid": "x:2140000012582912000",
        "uid_time_us": 1_799_050_736_934_000,
        "version": 0,
        "kind": 0,
        "author": "x:601",
        "author_name": "tess_example",
        "text": "Water over the road & rising",
        "lang": "en",
        "created_at_us": 1_799_143_203_000_000,
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


def test_a_repost_has_the_whole_text_of_the_original() -> None:
    assert POSTS[1]["kind"] == 3
    assert POSTS[1]["about"] == "x:2140000012582912000"
    assert POSTS[1]["text"] == "Water over the road and into the shops"


def test_quotes_replies_and_the_new_names() -> None:
    assert (POSTS[2]["kind"], POSTS[2]["about"]) == (2, "x:2140000012582912000")
    assert (POSTS[3]["kind"], POSTS[3]["text"]) == (1, "not so short after all")


def test_an_edit_is_a_version_of_the_first_under_another_name() -> None:
    row = POSTS[4]
    assert (row["uid"], row["version"]) == ("x:2140000012582912000", 1)
    assert row["uid_time_us"] == 1_799_050_736_934_000
    assert (row["alias"], row["alias_time_us"]) == ("x:2140000029360128000", 1_799_050_740_934_000)
    assert row["text"] == "Water over the road, and falling"


def test_flattened_posts_and_rows_of_archives() -> None:
    flat, row = POSTS[5], POSTS[6]
    assert (flat["author_name"], flat["profile"]) == ("vera_example", "The Plain")
    assert (flat["place_name"], flat["place_country"], flat["place_longitude"]) == ("The Plain", "NZ", 171.0)
    assert (flat["kind"], flat["text"]) == (3, "flat as the plain, and as long")
    assert (row["uid"], row["place_name"], row["place_country"]) == (
        "x:2140000037748736000",
        "Melbourne, Victoria",
        None,
    )
    assert (row["place_longitude"], row["place_latitude"]) == (145.0, -37.5)


def test_a_stream_without_expansions_gives_the_date_by_the_id_and_no_author() -> None:
    row = POSTS[9]
    assert (row["author"], row["created_at_us"], row["uid_time_us"]) == (
        "",
        1_799_050_744_934_000,
        1_799_050_744_934_000,
    )


def test_compliance_events_become_changes() -> None:
    assert DECODED.changes.rows() == [
        (10, 0, "x:2140000012582912000", 1_799_050_736_934_000, "x:601", FINAL, 1_799_143_800_000_000),
        (11, 1, None, 0, "x:601", 1_799_143_860_000_000, 1_799_143_860_000_000),
        (12, 2, None, 0, "x:602", 1_799_143_920_000_000, 1_799_143_920_000_000),
        (13, 3, None, 0, "x:603", 1_799_143_980_000_000, 1_799_143_980_000_000),
    ]
    assert DECODED.filtered == {"stream error: operational-disconnect": 1, "scrub_geo": 1, "tweet_edit": 1}


def job(reason: str, action: str = "delete", redacted_at: str = "2027-01-05T10:10:00.000Z") -> bytes:
    """A line of the results of a compliance job."""
    line = {"id": "2140000012582912000", "action": action, "created_at": "2027-01-04T09:00:00.000Z"}
    return msgspec.json.encode(line | {"redacted_at": redacted_at, "reason": reason})


def test_the_results_of_a_compliance_job_become_changes() -> None:
    decoded = decode("x_v2", [job("deleted"), job("suspended"), job("deactivated"), job("scrub_geo")])
    at_us, name, id_us = 1_799_143_800_000_000, "x:2140000012582912000", 1_799_050_736_934_000
    assert decoded.changes.rows() == [
        (0, 0, name, id_us, None, FINAL, at_us),
        (1, 0, name, id_us, None, FINAL, at_us),
        (2, 2, None, 0, name, at_us, at_us),
    ]
    assert decoded.filtered == {"scrub_geo": 1}
    assert x_v2.recognises(job("deleted"))


def test_a_problem_that_is_not_in_a_list_is_an_error_of_the_stream_too() -> None:
    problem = b'{"title":"ConnectionException","connection_issue":"TooManyConnections","type":"https://api.x.com/2/problems/streaming-connection"}'
    assert decode("x_v2", [problem]).filtered == {"stream error: ConnectionException": 1}


def test_a_row_without_a_document_is_refused() -> None:
    assert [(each.record, each.reason) for each in DECODED.refused] == [(7, "a row without doc")]


@pytest.mark.parametrize("shape", ["nested", "row", "flat"])
def test_what_a_record_says_does_not_depend_on_its_company(shape: str) -> None:
    first = LINES[{"nested": 0, "row": 6, "flat": 5}[shape]]
    together = decode("x_v2", [first, *LINES])
    assert together.posts.drop("record").rows()[1:] == DECODED.posts.drop("record").rows()
    assert together.changes.drop("record").rows() == DECODED.changes.drop("record").rows()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (LINES[0][:50], "truncated JSON: it ends in the middle, at byte 50"),
        (b'{"data":[{"id":"1","text":"a"}]}', "data should be an object, not a list"),
        (b'{"data":{"text":"a","author_id":"1"}}', "no id"),
        (b'{"data":{"id":"abc","text":"a"}}', "id 'abc' is not a number"),
        (b'{"data":{"id":"20","text":"a"}}', "no created_at"),
        (b'{"data":{"id":"20","created_at":"foo","text":"a"}}', "created_at 'foo' is not a date"),
        (b'{"data":{"id":"2140000012582912000"}}', "no text"),
        (b'{"data":{"delete":{"tweet":{}}}}', "delete: no id"),
        (b'{"data":{"user_delete":{"event_at":"2027-01-05T10:10:00Z"}}}', "user_delete: no user id"),
        (b'{"data":{"delete":{"tweet":{"id":"1"},"event_at":"then"}}}', "delete: event_at 'then' is not a date"),
        (b'{"id":"2140000012582912000","text":null,"author_id":"1"}', "no text"),
        (b'{"meta":{}}', "not an X v2 post: no data"),
        (job("deleted", action="keep"), "compliance: action 'keep' is unknown"),
        (job("deleted", redacted_at="then"), "compliance: redacted_at 'then' is not a date"),
        (job("deleted").replace(b'"id"', b'"name"'), "compliance: no id"),
        (b"null", "the record should be an object, not nothing"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(value: bytes, why: str) -> None:
    assert reason("x_v2", value) == why


PAGE = (
    b'{"data":[{"id":"2140000012582912000","text":"one","author_id":"1","created_at":"2027-01-05T10:00:00Z",'
    b'"geo":{"place_id":"p1"}},{"id":"2140000016777216000","text":"RT","author_id":"2",'
    b'"created_at":"2027-01-05T10:00:01Z","referenced_tweets":[{"type":"retweeted","id":"7"}]}],'
    b'"includes":{"users":[{"id":"1","username":"a"},{"id":"2","username":"b"},{"id":"3","username":"c"}],'
    b'"places":[{"id":"p1","full_name":"Carrow"}],"tweets":[{"id":"7","text":"whole"},{"id":"8","text":"other"}],'
    b'"media":[{"media_key":"m"}]},"meta":{"result_count":2}}'
)


def test_a_page_is_split_and_each_post_takes_what_it_refers_to() -> None:
    one, two = (msgspec.json.decode(record) for record in x_v2.split(PAGE) or [])
    assert one["includes"] == {"users": [{"id": "1", "username": "a"}], "places": [{"id": "p1", "full_name": "Carrow"}]}
    assert two["includes"] == {"users": [{"id": "2", "username": "b"}], "tweets": [{"id": "7", "text": "whole"}]}
    posts = decode("x_v2", x_v2.split(PAGE) or []).posts
    assert posts["text"].to_list() == ["one", "whole"]
    assert posts["place_name"].to_list() == ["Carrow", None]


@pytest.mark.parametrize(
    "value", [LINES[0], LINES[8], b'{"data":7}', b"not JSON", b"[]", PAGE[:-9], b'{"data":[' * 5000]
)
def test_what_is_not_a_page_is_not_split(value: bytes) -> None:
    assert x_v2.split(value) is None


def test_it_recognises_its_own() -> None:
    assert all(map(x_v2.recognises, [*LINES, PAGE]))
    assert not any(map(x_v2.recognises, sample("x_v1.ndjson") + sample("mastodon.ndjson") + sample("jetstream.ndjson")))
    assert not x_v2.recognises(b'{"kind":"Listing","data":{"children":[],"after":null}}')
