"""Mastodon's streams: what they say, what they miss, and when they are dead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lapwing.hearing import RefusedBySource
from sources.held import chunks_until, held, missing
from sources.mastodon_stories import (
    SOURCE,
    holds,
    network,
    options,
    room_and_network,
)


def test_streams_say_posts_edits_and_deletes_at_once(tmp_path: Path) -> None:
    with room_and_network(tmp_path) as (room, fake):
        fake.streams_elsewhere = True
        with room.listening("aus", SOURCE, options(fake, stream=True, token="user-token")):
            room.wait_until(lambda: fake.listeners == 1)
            uids = fake.say(20)
            fake.edit(uids[0], "It is safe now")
            fake.delete(uids[1])
            fake.noise()
            room.wait_until(lambda: not missing(fake.truth(), held(SOURCE, room.values())))
            room.wait_until(lambda: fake.truth().deleted <= held(SOURCE, room.values()).deleted)
            room.wait_until(lambda: room.states()["aus"]["state"] == "live")
            room.wait_until(lambda: bool(room.heard_us()))
        assert held(SOURCE, room.values()).posts[uids[0]] == "It is safe now"
        assert [each.path for each in fake.requests if "streaming" in each.path] == [
            "/streaming-host/api/v1/streaming/public"
        ]
        events = [json.loads(value)["event"] for value in room.values()]
        assert events.count("update") == 20, "what was polled at first is not said again"


def test_what_a_stream_misses_is_polled_when_it_is_back(tmp_path: Path) -> None:
    with room_and_network(tmp_path) as (room, fake):
        with room.listening("aus", SOURCE, options(fake, stream=True, token="user-token")):
            room.wait_until(lambda: fake.listeners == 1)
            known = fake.say(10)
            room.wait_until(holds(room, *known))
            room.wait_until(lambda: bool(room.heard_us()))
            fake.stop()
            missed = fake.say(100)
            fake.edit(known[2], "Edited while nobody listened")
            fake.delete(known[3])
            room.wait_until(lambda: room.states()["aus"]["state"] == "broken")
            fake.start()
            room.wait_until(holds(room, *missed))
            room.wait_until(lambda: not missing(fake.truth(), held(SOURCE, room.values())), "the edit")
            room.wait_until(lambda: known[3] in held(SOURCE, room.values()).deleted, "the delete")
            room.wait_until(lambda: room.states()["aus"]["state"] == "live")
        events = [json.loads(value)["event"] for value in room.values()]
        assert [events.count(kind) for kind in ("update", "status.update", "delete")] == [110, 1, 1]


def test_a_stream_without_any_sign_of_life_is_broken_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with (
        room_and_network(tmp_path) as (room, fake),
        room.listening("aus", SOURCE, options(fake, stream=True, token="user-token")),
    ):
        room.wait_until(lambda: fake.listeners == 1)
        fake.fault("stall", seconds=5.0)
        room.wait_until(lambda: bool(room.states()) and room.states()["aus"]["disconnects"] >= 1)
        room.wait_until(lambda: room.states()["aus"]["state"] == "live")
    assert "was silent for 45 s" in caplog.text


def test_an_application_token_is_refused_by_streams_in_words() -> None:
    with (
        network() as (time, fake),
        pytest.raises(RefusedBySource, match="401: Invalid access token; look at the token"),
    ):
        chunks_until(SOURCE, options(fake, stream=True, token="app-token"), "", time, bool)


def test_events_are_cut_wherever_the_bytes_are(tmp_path: Path) -> None:
    from lapwing.sources._sse import Event, EventCutter, TooLong

    whole = ':)\n:thump\nevent: update\ndata: {"a":"é\u2028"}\n\nevent: delete\r\ndata: 1155\r\n\r\n'.encode()
    expected = [Event("", b""), Event("", b""), Event("update", '{"a":"é\u2028"}'.encode()), Event("delete", b"1155")]
    assert EventCutter().feed(whole) == expected
    for cut in range(len(whole)):
        cutter = EventCutter()
        assert cutter.feed(whole[:cut]) + cutter.feed(whole[cut:]) == expected
    with pytest.raises(TooLong):
        EventCutter().feed(b"data: " + b"x" * (3 << 20))
