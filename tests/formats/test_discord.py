"""Frames of Discord's gateway, and messages of a channel's history."""

from __future__ import annotations

import msgspec
import pytest

from formats.reading_samples import decode, reason, sample
from lapwing.formats import discord
from lapwing.model import FINAL

LINES = sample("discord.ndjson")
DECODED = decode("discord", LINES)
POSTS = {row["record"]: row for row in DECODED.posts.iter_rows(named=True)}
BULK = b'{"t":"MESSAGE_DELETE_BULK","s":9,"op":0,"d":{"ids":["1589946561331200000","1589946565525504001"],"channel_id":"8"}}'


def test_a_message_with_everything() -> None:
    said = {name: value for name, value in POSTS[0].items() if value is not None}
    assert said == {
        "record": 0,
        "uid": "discord:1589946561331200000",
        "uid_time_us": 1_799_143_200_000_000,
        "version": 0,
        "kind": 0,
        "author": "discord:900000000000000001",
        "author_name": "ada_example",
        "text": "Water over the road @bo_example #channel :wave: 2027-01-05 10:00 UTC /report https://levels.example/a?b=1 @role 1 < 2",
        "created_at_us": 1_799_143_200_250_000,
        "url": "https://discord.com/channels/700000000000000001/800000000000000001/1589946561331200000",
        "alias_time_us": 0,
    }


def test_replies_and_forwards_say_what_they_are_about() -> None:
    assert [(record, row["kind"], row["about"]) for record, row in POSTS.items()] == [
        (0, 0, None),
        (1, 1, "discord:1589946561331200000"),
        (2, 0, None),
        (3, 0, None),
        (6, 0, None),
        (7, 3, "discord:1589946561331200000"),
        (8, 0, None),
    ]
    assert (POSTS[2]["text"], POSTS[7]["text"]) == ("", "Water over the road")


def test_an_edit_is_a_later_version_and_a_link_preview_is_none() -> None:
    assert (POSTS[3]["uid"], POSTS[3]["version"]) == (POSTS[0]["uid"], 1_799_143_500_500_000)
    assert 4 not in POSTS
    assert DECODED.filtered["update that is no edit"] == 1


def test_an_address_is_made_where_the_guild_is_known_or_there_is_none() -> None:
    assert POSTS[6]["url"] is None  # a channel's history does not say the guild
    assert POSTS[8]["url"] == "https://discord.com/channels/@me/800000000000000001/1589946582302720005"


def test_a_delete_has_the_time_of_the_id() -> None:
    expected = (5, 0, "discord:1589946565525504001", 1_799_143_201_000_000, None, FINAL, 0)
    assert DECODED.changes.rows() == [expected]


def test_a_bulk_delete_is_split_into_deletes() -> None:
    parts = discord.split(BULK)
    assert parts is not None
    names = decode("discord", parts).changes["name"].to_list()
    assert names == ["discord:1589946561331200000", "discord:1589946565525504001"]
    assert [msgspec.json.decode(part)["d"]["channel_id"] for part in parts] == ["8", "8"]
    assert discord.PAGE.match(BULK)
    assert reason("discord", BULK) == "a bulk delete of 2 messages that was not split"


def test_the_rest_is_counted_by_what_it_is() -> None:
    assert DECODED.filtered == {
        "update that is no edit": 1,
        "bot": 1,
        "webhook": 1,
        "system message": 1,
        "no content": 1,
        "hello": 1,
        "guild unavailable": 1,
        "GUILD_DELETE": 1,
        "CHANNEL_DELETE": 1,
        "other event": 1,
    }
    assert DECODED.refused == []


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"{}", "not a Discord message: no id"),
        (LINES[0].replace(b'"id":"1589946561331200000"', b'"id":"soon"'), "id 'soon' is not a number"),
        (LINES[0].replace(b'"author"', b'"writer"'), "no author"),
        (LINES[3].replace(b"2027-01-05T10:05", b"later"), "edited_timestamp 'later:00.500000+00:00' is not a date"),
        (LINES[0].replace(b"2027-01-05T10", b"noon"), "created_at 'noon:00:00.250000+00:00' is not a date"),
        (b'{"op":0,"t":"MESSAGE_CREATE"}', "an empty record"),
        (b'{"op":0,"t":"MESSAGE_DELETE","d":{}}', "delete: no id"),
        (b'{"op":0,"t":"MESSAGE_CREATE","d":[]}', "the record should be an object, not a list"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(value: bytes, why: str) -> None:
    assert reason("discord", value) == why


def test_a_moment_that_no_calendar_has_stays_as_it_is_written() -> None:
    far = LINES[0].replace(b"<t:1799143200:R>", b"<t:99999999999999:R> <t:99999999999:R>")
    made = decode("discord", [far]).posts["text"][0]
    assert " <t:99999999999999:R> 5138-11-16 09:46 UTC " in made


def test_it_recognises_its_own() -> None:
    assert all(map(discord.recognises, LINES))
    others = [line for name in ("x_v1", "x_v2", "mastodon", "jetstream", "line") for line in sample(f"{name}.ndjson")]
    assert not any(map(discord.recognises, others))
