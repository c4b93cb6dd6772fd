"""Bluesky's Jetstream, heard from fake hosts: both generations, cursors that are too old, hosts that fail."""

from __future__ import annotations

import json
import time as machine
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from lapwing import catalog
from lapwing.hearing import Disconnected, RefusedBySource, SourceChunk
from lapwing.testing.networks import JetstreamFake
from sources.hearing import DEADLINE_S, HurriedTime, Room
from sources.held import chunks_until, held, missing, unheard, values_of
from sources.hours import survive

SOURCE = catalog.load("sources", "bluesky")
SPEED = 20.0
GENERATIONS = ("v2", "v1")


def options(*fakes: JetstreamFake, **words: Any) -> Any:
    return SOURCE.options(**({"hosts": [fake.ws_url for fake in fakes]} | words))


@contextmanager
def network(speed: float = 1.0, **words: Any) -> Iterator[tuple[HurriedTime, JetstreamFake]]:
    """A host whose clock is the listener's."""
    time = HurriedTime(speed)
    with JetstreamFake(seed=1, now_us=time.now_us, **words) as fake:
        yield time, fake


def heard(count: int) -> Any:
    return lambda chunks: len(values_of(chunks)) >= count


def at_the_beginning(fake: JetstreamFake, time: HurriedTime, made: Any) -> str:
    """A cursor behind the first post of a host that has said nothing yet."""

    def enough(chunks: list[SourceChunk]) -> bool:
        return bool(values_of(chunks))

    fake.flow(200.0, 1.0)
    return str(chunks_until(SOURCE, made, "", time, enough)[-1].cursor)


@pytest.mark.parametrize("protocol", GENERATIONS)
@pytest.mark.parametrize("compress", [True, False])
def test_posts_come_with_author_cursor_and_time_from_either_generation(protocol: str, compress: bool) -> None:
    with network() as (time, fake):
        fake.flow(300.0, 10.0)
        chunks = chunks_until(SOURCE, options(fake, protocol=protocol, compress=compress), "", time, heard(100))
        values = values_of(chunks)
        assert set(held(SOURCE, values).posts) <= set(fake.truth().posts)
        assert [key for chunk in chunks for key in chunk.keys or ()] == [_did(value) for value in values]
        assert chunks[0].covered_from_us is not None
        assert all(chunk.covered_from_us is None for chunk in chunks[1:])
        assert chunks[-1].details is not None
        assert chunks[-1].details["protocol"] == protocol
        (form,) = {asked.path for asked in fake.requests if "subscribe" in asked.path}
        assert form == ("/subscribe" if protocol == "v1" else "/xrpc/network.bsky.jetstream.subscribeEvents")
        packed = "compress" if protocol == "v1" else "zstdDictionary"
        assert (packed in fake.requests[-1].query) is compress


def _did(value: bytes) -> str:
    event = json.loads(value)
    return str((event.get("payload") or event)["did"])


@pytest.mark.parametrize("protocol", GENERATIONS)
def test_from_any_cursor_it_goes_on_and_nothing_is_missing(protocol: str) -> None:
    with network() as (time, fake):
        time.patience_s = DEADLINE_S
        made = options(fake, protocol=protocol)
        fake.flow(400.0, 1.5)
        chunks = chunks_until(SOURCE, made, "", time, heard(400))
        before = 0
        for chunk in [each for each in chunks if each.cursor][:-1]:
            before += len(chunk.values)
            if not before:
                continue
            rest = _uids(values_of(chunks)[before:])
            again = chunks_until(SOURCE, made, str(chunk.cursor), time, heard(len(rest)))
            assert set(rest) <= set(_uids(values_of(again))) or protocol == "v1"
            first = next(each for each in again if each.covered_to_us)
            assert first.covered_from_us is not None
            assert first.covered_from_us <= (chunk.covered_to_us or 0), "no gap: the host has still all of it"
            assert not first.lost
            if protocol == "v2":
                assert _uids(values_of(again))[: len(rest)] == rest, "a number repeats nothing"


def test_where_the_event_at_the_cursor_comes_alone_there_is_no_gap() -> None:
    with network(SPEED) as (time, fake):
        made = options(fake, protocol="v2")
        beginning = at_the_beginning(fake, time, made)
        while fake.flowing:
            machine.sleep(0.01)  # the host speaks by itself

        def all_of_it(chunks: list[SourceChunk]) -> bool:
            return bool(json.loads(chunks[-1].cursor or "{}").get("seq") == fake.next_seq - 1)

        cursor = str(chunks_until(SOURCE, made, beginning, time, all_of_it)[-1].cursor)
        Timer(0.3, fake.say, [1]).start()  # the host has repeated its last event by then
        chunks = chunks_until(SOURCE, made, cursor, time, heard(1))
        first = next(each for each in chunks if each.covered_to_us)
        assert first.covered_from_us == json.loads(cursor)["time_us"]
        assert not first.lost


def _uids(values: list[bytes]) -> list[str]:
    found = []
    for value in values:
        event = json.loads(value)
        event = event.get("payload") or event
        commit = event.get("commit") or event
        found.append(f"at://{event['did']}/{commit['collection']}/{commit['rkey']}")
    return found


@pytest.mark.parametrize("protocol", GENERATIONS)
def test_a_cursor_that_is_too_old_goes_on_from_the_oldest_and_says_what_is_lost(protocol: str) -> None:
    with network(SPEED) as (time, fake):
        made = options(fake, protocol=protocol)
        cursor = at_the_beginning(fake, time, made)
        old_us = json.loads(cursor)["time_us"]
        while fake.flowing:
            machine.sleep(0.01)  # the host speaks by itself
        forgotten = set(fake.truth().posts)
        # v1 is asked from 5 s before the cursor; what lies 6 s after it is beyond any overlap.
        kept_us = time.now_us() + 6_000_000
        while time.now_us() < kept_us:
            machine.sleep(0.01)  # so that what is said now is later than that
        kept = fake.say(5)
        fake.forget_before(kept_us)
        chunks = chunks_until(SOURCE, made, cursor, time, heard(5))
        assert _uids(values_of(chunks)) == kept
        assert not forgotten & set(kept)
        first = chunks[0]
        assert first.covered_from_us is not None
        assert first.covered_from_us >= kept_us
        (lost,) = first.lost
        assert (lost.from_us, lost.to_us) == (old_us, first.covered_from_us)


def test_another_host_is_asked_by_time_and_never_by_the_number_of_the_first() -> None:
    with network() as (time, fake), JetstreamFake(of=fake, first_seq=900_000) as mirror:
        fake.flow(200.0, 1.0)
        (*_, last) = chunks_until(SOURCE, options(fake), "", time, heard(20))
        position = json.loads(str(last.cursor))
        while fake.flowing:
            machine.sleep(0.01)  # the host speaks by itself
        chunks = chunks_until(SOURCE, options(mirror), str(last.cursor), time, heard(150))
        asked = [each.query["cursor"] for each in mirror.requests if "cursor" in each.query]
        assert asked == [[str(position["time_us"] - 5_000_000)]]
        assert set(fake.truth().posts) <= set(held(SOURCE, values_of(chunks)).posts)
        assert not chunks[0].lost
        after = json.loads(str(chunks[-1].cursor))
        assert after["seq"] >= 900_000
        assert after["url"] == mirror.url_v2


def test_a_host_that_numbers_anew_is_heard_and_the_gap_is_known() -> None:
    with network(first_seq=50_000) as (time, fake):
        fake.flow(200.0, 0.3)
        (*_, last) = chunks_until(SOURCE, options(fake), "", time, heard(20))
        fake.first_seq = 1
        while fake.flowing:
            machine.sleep(0.01)  # the host speaks by itself
        fake.flow(200.0, 2.0)
        chunks = chunks_until(SOURCE, options(fake), str(last.cursor), time, heard(50))
        assert chunks[0].lost[0].reason.endswith("numbers its events anew")
        assert json.loads(str(chunks[-1].cursor))["seq"] < 50_000


def test_what_ends_the_stream_is_said_and_goes_on_without_loss(tmp_path: Path) -> None:
    room = Room(tmp_path, SPEED)
    with JetstreamFake(seed=2, now_us=room.time.now_us) as fake, room.listening("sky", SOURCE, options(fake)):
        room.wait_until(lambda: fake.listeners == 1)
        uids = fake.say(30)
        room.wait_until(lambda: len(room.values()) >= 30)
        fake.too_slow()
        room.wait_until(lambda: room.states()["sky"]["disconnects"] == 1)
        assert "ConsumerTooSlow" in room.states()["sky"]["reason"] or fake.listeners
        uids += fake.say(30)
        room.wait_until(lambda: len(room.values()) >= 60)
    assert sorted(_uids(room.values())) == sorted(uids), "a number repeats nothing"


def test_identities_accounts_and_syncs_are_handed_on_and_words_about_the_stream_are_not() -> None:
    with network() as (time, fake):
        fake.flow(100.0, 0.3)
        cursor = chunks_until(SOURCE, options(fake), "", time, heard(5))[-1].cursor
        while fake.flowing:
            machine.sleep(0.01)  # the host speaks by itself
        fake.identity(3, "ana.example.com")
        fake.account(4, "deactivated")
        fake.sync(5)
        fake.noise()
        chunks = chunks_until(
            SOURCE, options(fake), str(cursor), time, lambda found: b"#weather" in b"".join(values_of(found))
        )
        kinds = [json.loads(value)["payload"]["$type"].rpartition("#")[2] for value in values_of(chunks)]
        assert kinds[-4:] == ["identity", "account", "sync", "weather"]


def test_likes_are_not_asked_for_unless_they_are_wanted() -> None:
    with network() as (time, fake):
        fake.flow(300.0, 0.5)
        chunks_until(SOURCE, options(fake), "", time, heard(1))
        assert fake.requests[-1].query["collections"] == ["app.bsky.feed.post", "app.bsky.feed.repost"]
        chunks_until(SOURCE, options(fake, collections=["like", "app.bsky.graph.*", "post"]), "", time, heard(1))
        assert fake.requests[-1].query["collections"] == [
            "app.bsky.feed.like",
            "app.bsky.graph.*",
            "app.bsky.feed.post",
        ]


def test_old_events_are_back_filling_and_new_ones_live(tmp_path: Path) -> None:
    room = Room(tmp_path, SPEED)
    with JetstreamFake(seed=2, now_us=room.time.now_us) as fake:
        made = options(fake)
        with room.listening("sky", SOURCE, made):
            room.wait_until(lambda: fake.listeners == 1)
            fake.say(1)
            room.wait_until(lambda: len(room.values()) == 1)
        missed_us = room.time.now_us()
        uids = fake.say(2000)
        room.wait_until(lambda: room.time.now_us() > missed_us + 30_000_000)
        with room.listening("sky", SOURCE, made):
            room.wait_until(lambda: len(room.values()) == 2001)
            room.wait_until(lambda: room.states()["sky"]["state"] == "back-filling")
            assert room.states()["sky"]["details"]["lag_s"] > 10
            fake.say(1)
            room.wait_until(lambda: room.states()["sky"]["state"] == "live")
    assert missing(fake.truth(), held(SOURCE, room.values())) == set()
    assert len(uids) == 2000
    assert len(room.heard_us()) == 1, "the pause was filled: what was heard is one piece"


def test_after_three_failures_the_next_host_is_asked_and_one_line_tells(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    room = Room(tmp_path, 100.0)
    with JetstreamFake(seed=3, now_us=room.time.now_us) as fake, JetstreamFake(of=fake, first_seq=70_000) as mirror:
        with room.listening("sky", SOURCE, options(fake, mirror, protocol="v2")):
            room.wait_until(lambda: fake.listeners == 1)
            fake.say(5)
            room.wait_until(lambda: len(room.values()) >= 5)
            fake.stop()
            room.wait_until(lambda: mirror.listeners == 1)
            mirror.tell()
            fake.say(5)
            room.wait_until(lambda: len(set(_uids(room.values()))) == 10)
            room.wait_until(lambda: room.states()["sky"]["state"] == "live")
        fake.start()
    assert room.states()["sky"]["disconnects"] >= 3
    lines = [record.getMessage() for record in caplog.records if record.name == "lapwing.sources"]
    assert len([line for line in lines if " is down: " in line]) == 1
    assert lines[-1] == "sky is back"


def test_without_a_network_one_line_is_said_and_it_keeps_trying(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    room = Room(tmp_path, 100.0)
    made = SOURCE.options(hosts=["jetstream.nowhere.invalid", "other.nowhere.invalid"])
    with room.listening("sky", SOURCE, made):
        room.wait_until(lambda: bool(room.states()) and room.states()["sky"]["disconnects"] >= 5)
        assert room.states()["sky"]["state"] == "broken"
    lines = [record.getMessage() for record in caplog.records if record.name == "lapwing.sources"]
    assert len(lines) == 1
    assert lines[0].startswith("sky is down: jetstream.nowhere.invalid")


def test_auto_goes_to_v1_where_there_is_no_v2_and_refuses_only_when_all_did() -> None:
    with network() as (time, fake):
        # A path that does not exist is answered 404, as a host of the first generation does.
        made = options(fake, hosts=[fake.ws_url + "/subscribe"], protocol="auto")
        fake.flow(200.0, 0.5)
        assert chunks_until(SOURCE, made, "", time, heard(5))[0].details["protocol"] == "v1"  # type: ignore[index]
        with pytest.raises(RefusedBySource, match="speaks the protocol"):
            chunks_until(SOURCE, options(fake, hosts=[fake.ws_url + "/subscribe"], protocol="v2"), "", time, heard(1))
        with pytest.raises(RefusedBySource, match="not encrypted"):
            chunks_until(SOURCE, options(fake, hosts=["ws://jetstream.example/subscribe"]), "", time, heard(1))
        fake.fault("401")
        with pytest.raises(Disconnected, match="another host is tried"):
            chunks_until(SOURCE, options(fake, compress=False), "", time, heard(1))


def test_hard_cases_pass_through_untouched() -> None:
    with network(odd_every=2) as (time, fake):
        fake.flow(300.0, 1.0)
        chunks = chunks_until(SOURCE, options(fake), "", time, heard(100))
        what = held(SOURCE, values_of(chunks))
        assert {uid for uid in what.posts if uid not in fake.truth().posts} <= set(fake.truth().odd)
        assert what.refused, "some of them are no posts, and the format says so"


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("protocol", ["v2", pytest.param("v1", marks=pytest.mark.long)])
def test_an_hour_with_fifty_faults(tmp_path: Path, protocol: str) -> None:
    speed = 60.0
    room = Room(tmp_path, speed)
    with JetstreamFake(seed=5, now_us=room.time.now_us, odd_every=97) as fake:
        fake.faults(seed=11, count=50, over_posts=6_000)
        with room.listening("sky", SOURCE, options(fake, protocol=protocol)):
            room.wait_until(lambda: fake.listeners == 1)
            fake.flow(100.0, 60.0)
            survive(room, fake, "sky")
            fake.say(1)
            room.wait_until(lambda: not unheard(fake.truth(), held(SOURCE, room.values())), "the last posts")

            def live() -> bool:
                fake.say(1)  # a host that falls silent is left, and at this speed a busy machine is silent for long
                return room.states()["sky"]["state"] == "live"

            room.wait_until(live)
    assert fake.pending == 0
    assert len(fake.happened) >= 50
    assert room.states()["sky"]["disconnects"] >= 20
    assert len(room.heard_us()) == 1, "everything was filled back, so that what was heard is one piece"
    if protocol == "v2":
        uids = _uids([value for value in room.values() if b'"operation"' in value])
        assert len(uids) == len(set(uids)), "a number repeats nothing"
