"""Events of Bluesky's Jetstream, both generations."""

from __future__ import annotations

import pytest

from formats.reading_samples import decode, reason, sample
from lapwing.formats import jetstream

LINES = sample("jetstream.ndjson")
DECODED = decode("jetstream", LINES)
POSTS = {row["record"]: row for row in DECODED.posts.iter_rows(named=True)}
FIRST = "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/3mbo6jo6e2222"


def test_a_post() -> None:
    row = {name: value for name, value in POSTS[0].items() if value is not None}
    assert row == {
        "record": 0,
        "uid": FIRST,
        "uid_time_us": 1_767_607_200_000_000,
        "version": 1_767_607_200_500_000,
        "kind": 0,
        "author": "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa",
        "text": "Bridge closed",
        "lang": "en-au",
        "created_at_us": 1_767_607_200_000_000,
        "alias_time_us": 0,
    }


def test_replies_quotes_and_reposts_and_a_list_is_no_quote() -> None:
    assert [(row["kind"], row["about"]) for row in POSTS.values()][:5] == [
        (0, None),
        (1, FIRST),
        (2, FIRST),
        (0, None),
        (3, FIRST),
    ]
    assert POSTS[4]["text"] == ""


def test_a_key_that_is_no_tid_holds_no_time() -> None:
    assert POSTS[1]["uid_time_us"] == 0


def test_an_edit_has_a_later_version_of_the_same_post() -> None:
    assert (POSTS[11]["uid"], POSTS[11]["version"], POSTS[11]["text"]) == (FIRST, 1_767_607_210_500_000, "Bridge open")


def test_deletes_and_authors() -> None:
    name = "at://did:plc:cccccccccccccccccccccccc/app.bsky.feed.repost/3mbo6jqzvq222"
    author, gone, dead = (f"did:plc:{letter * 24}" for letter in "cde")
    deleted_us, hidden_us, shown_us = 1_767_607_204_500_000, 1_767_607_208_000_000, 1_767_607_209_000_000
    assert DECODED.changes.rows() == [
        (9, 2, None, 0, gone, hidden_us, hidden_us),
        (10, 3, None, 0, gone, shown_us, shown_us),
        (12, 1, None, 0, dead, 1_767_607_211_000_001, 1_767_607_211_000_001),
        (5, 0, name, 1_767_607_203_000_000, author, deleted_us, deleted_us),
    ]


def test_the_rest_is_filtered_whatever_is_in_it() -> None:
    assert DECODED.filtered == {
        "follow": 1,
        "other collection": 1,
        "identity": 1,
        "sync": 1,
        "info": 1,
        "stream error: ConsumerTooSlow": 1,
    }
    assert DECODED.refused == []


def test_kinds_of_the_future_are_counted_under_one_name() -> None:
    future = LINES[0].replace(b'"kind":"commit"', b'"kind":"comet"')
    assert decode("jetstream", [future]).filtered == {"other kind": 1}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"{}", "not a Jetstream event: no did or no kind"),
        (LINES[0].replace(b'"rkey"', b'"key"'), "no rkey"),
        (LINES[0].replace(b'"rev":"3mbo', b'"rev":"zzzz'), "rev 'zzzz6jonmd222' is not a TID"),
        (LINES[0].replace(b"create", b"invent"), "operation 'invent' is unknown"),
        (LINES[0].replace(b'"record"', b'"recording"'), "create without record"),
        (LINES[0].replace(b'"Bridge closed"', b"null"), "no text"),
        (LINES[0].replace(b'"Bridge closed"', b"[7]"), "record: text should be text, not a list"),
        (LINES[0].replace(b'"createdAt"', b'"made"'), "no created_at"),
        (
            LINES[0].replace(b"2026-01-05T20", b"1970-01-05T20"),
            "created_at '1970-01-05T20:00:00.000+10:00' is before 2006",
        ),
        (LINES[10].replace(b'"time_us":1767607209000000,', b""), "account: no time"),
        (LINES[10].replace(b'"active":true,', b""), "account: whether it is active is not said"),
        (LINES[10].replace(b"1767607209000000", b"9" * 30), "account: no time"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(value: bytes, why: str) -> None:
    assert reason("jetstream", value) == why


def test_it_recognises_its_own() -> None:
    assert all(map(jetstream.recognises, LINES))
    assert not any(map(jetstream.recognises, sample("x_v1.ndjson") + sample("x_v2.ndjson") + sample("mastodon.ndjson")))
