"""Statuses and events of Mastodon."""

from __future__ import annotations

import msgspec
import pytest

from formats.reading_samples import decode, reason, sample
from lapwing.formats import mastodon
from lapwing.formats._html import plain_text
from lapwing.model import FINAL

LINES = sample("mastodon.ndjson")
DECODED = decode("mastodon", LINES, source="reef.example")
POSTS = {row["record"]: row for row in DECODED.posts.iter_rows(named=True)}


def test_a_status_with_everything() -> None:
    assert POSTS[0] == {
        "record": 0,
        "uid": "https://reef.example/users/ana/statuses/115840250880000000",
        "uid_time_us": 1_767_607_200_000_000,
        "version": 0,
        "kind": 0,
        "author": "https://reef.example/users/ana",
        "author_name": "ana",
        "text": "Creek & path under water.\nSee https://levels.example/a?b=1&c=2\n\n#flood",
        "lang": "en",
        "created_at_us": 1_767_607_200_678_000,
        "longitude": None,
        "latitude": None,
        "place_name": None,
        "place_country": None,
        "place_longitude": None,
        "place_latitude": None,
        "profile": "Carrow & around",
        "url": "https://reef.example/@ana/115840250880000000",
        "alias": "reef.example/115840250880000000",
        "alias_time_us": 1_767_581_953_125_000,
        "about": None,
    }


def test_replies_boosts_and_quotes() -> None:
    assert [(row["kind"], row["about"]) for row in POSTS.values()] == [
        (0, None),
        (1, None),
        (3, "https://reef.example/users/ana/statuses/115840250880000000"),
        (2, "https://else.example/users/bo/statuses/9"),
        (0, None),
        (0, None),
        (0, None),
    ]
    assert (POSTS[1]["text"], POSTS[1]["lang"]) == ("photo\n", "pt-br")
    assert (POSTS[2]["text"], POSTS[2]["author"], POSTS[2]["lang"]) == ("Creek", "cy@reef.example", "en")


def test_the_dump_of_a_library_is_read_too() -> None:
    row = POSTS[4]
    assert (row["created_at_us"], row["alias"]) == (1_767_607_440_000_000, "reef.example/115840266608640000")


def test_events_hold_a_status_as_text_or_as_it_is_and_an_edit_has_a_later_version() -> None:
    assert (POSTS[5]["text"], POSTS[5]["version"]) == ("from the socket", 0)
    assert (POSTS[6]["text"], POSTS[6]["version"]) == ("from the socket, edited", 1_767_607_560_250_000)
    assert POSTS[5]["uid"] == POSTS[6]["uid"]


def test_a_delete_calls_the_status_by_its_alias() -> None:
    assert DECODED.changes.rows() == [
        (7, 0, "reef.example/115840270540800000", 1_767_582_253_125_000, None, FINAL, 0),
        (8, 0, "reef.example/not-a-number", 0, None, FINAL, 0),
    ]
    assert DECODED.filtered == {"filters_changed": 1, "not public": 1}


def test_ids_belong_to_the_server_that_says_them() -> None:
    status = LINES[0].replace(b"{", b'{"host":"evil.example",', 1)
    update = msgspec.json.encode({"event": "update", "host": "Reef.Example", "payload": status.decode()})
    delete = b'{"event":"delete","host":"reef.example","payload":"115840250880000000"}'
    decoded = decode("mastodon", [update, delete], source="all my servers")
    assert decoded.posts["alias"].to_list() == ["reef.example/115840250880000000"]
    assert decoded.changes["name"].to_list() == ["reef.example/115840250880000000"]
    assert mastodon.recognises(update)


def test_what_a_server_says_about_itself_is_counted_and_its_inventions_have_one_name() -> None:
    values = [b'{"event":"announcement","payload":"{}"}', b'{"event":"a1","payload":"{}"}', b'{"event":"b2"}']
    values.append(b'{"error":"Unknown stream type","status":400}')
    assert decode("mastodon", values).filtered == {"announcement": 1, "other event": 2, "stream error": 1}


def test_a_change_of_the_names_is_refused() -> None:
    why = "not a Mastodon status: no uri (names are written like created_at, not createdAt)"
    assert [(each.record, each.reason) for each in DECODED.refused] == [(11, why)]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b'{"uri":"https://a/1","content":"a","created_at":"2026-01-05T10:00:00Z"}', "no account"),
        (LINES[4].replace(b"content", b"contents"), "no content"),
        (LINES[4].replace(b"2026-01-05 10:04:00+00:00", b"yesterday"), "created_at 'yesterday' is not a date"),
        (
            LINES[4].replace(b'"url"', b'"edited_at":"x","url"', 0)[:-1] + b',"edited_at":"x"}',
            "edited_at 'x' is not a date",
        ),
        (b'{"event":"update","payload":"{\\"id\\":"}', "truncated JSON: it ends in the middle, at byte 6"),
        (b'{"event":"update","payload":7}', "the record should be an object, not a whole number"),
        (b'{"event":"update"}', "an empty record"),
        (b'{"event":"delete"}', "delete: no id"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(value: bytes, why: str) -> None:
    assert reason("mastodon", value) == why


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("no markup &amp; all", "no markup & all"),
        ("<p>one</p><p>two<br />three<br>four</p>", "one\n\ntwo\nthree\nfour"),
        ("<p>&amp;lt; once</p>", "&lt; once"),
        ('<p><a href="https://a.example/x" class="u">@<span>ana</span></a> hi</p>', "@ana hi"),
        ("<ul><li>one</li><li>two</li></ul>", "one\ntwo"),
        ('<a title="a > b" href="x">link</a>', "link"),
        ("<p>cut <b>off", "cut off"),
        ("<div>Pleroma<br/>says</div><blockquote>this</blockquote>", "Pleroma\nsays\n\nthis"),
        ("<p>a</p><script>alert(1)</script><p>b</p>", "a\n\nb"),
        ("3 < 4 &nbsp;", "3 < 4"),
    ],
)
def test_html_becomes_text(html: str, text: str) -> None:
    assert plain_text(html) == text


def test_it_recognises_its_own() -> None:
    assert [mastodon.recognises(line) for line in LINES] == [True] * 11 + [False]
    assert not any(map(mastodon.recognises, sample("x_v1.ndjson") + sample("x_v2.ndjson") + sample("jetstream.ndjson")))
