"""Mastodon servers, polled: late posts, edits, deletes, limits, closed doors."""

from __future__ import annotations

import asyncio
import json
import time as machine
from pathlib import Path
from typing import Any

import pytest

from lapwing.hearing import RateLimited, RefusedBySource, SourceChunk
from lapwing.testing.networks import MastodonFake
from sources.hearing import DEADLINE_S, Room
from sources.held import chunks_until, held, missing, surroundings_of, values_of
from sources.mastodon_stories import (
    MINUTE_US,
    SOURCE,
    asked,
    heard,
    holds,
    network,
    options,
    room_and_network,
    uids_of,
)


def test_statuses_are_wrapped_with_their_server_and_keyed_by_author() -> None:
    with network() as (time, fake):
        first = fake.say(5)
        chunks = chunks_until(SOURCE, options(fake), "", time, heard(*first))
        (values,) = [chunk.values for chunk in chunks if chunk.values]
        assert uids_of(list(values)) == first, "oldest first"
        event = json.loads(values[0])
        assert (event["event"], event["host"]) == ("update", fake.url.removeprefix("http://"))
        (keys,) = [chunk.keys for chunk in chunks if chunk.values]
        assert keys is not None
        assert keys[0] == json.loads(event["payload"])["account"]["uri"]
        assert held(SOURCE, list(values)).posts == fake.truth().posts


def test_a_poll_reads_to_the_end_page_by_page_and_repeats_nothing() -> None:
    with network() as (time, fake):
        first = fake.say(2)
        later: list[str] = []

        def enough(chunks: list[SourceChunk]) -> bool:
            if not later and set(first) <= set(uids_of(values_of(chunks))):
                later.extend(fake.say(130))
            return bool(later) and set(later) <= set(uids_of(values_of(chunks)))

        chunks = chunks_until(SOURCE, options(fake), "", time, enough)
        assert uids_of(values_of(chunks)) == first + later
        pages = [query for query in asked(fake) if "min_id" in query]
        assert len(pages) >= 4, "132 posts are four pages of forty"
        assert all(query["limit"] == ["40"] for query in pages)


def test_from_any_cursor_it_goes_on_without_a_gap_and_repeats_no_more_than_the_overlap() -> None:
    with network() as (time, fake):
        time.patience_s = DEADLINE_S
        fake.flow(120.0, 2.0)
        chunks = chunks_until(
            SOURCE, options(fake, every_us=5_000_000), "", time, lambda found: len(values_of(found)) >= 200
        )
        while fake.flowing:
            machine.sleep(0.01)  # the server speaks by itself
        before = 0
        cursors = [chunk for chunk in chunks if chunk.cursor]
        for chunk in cursors[:: max(1, len(cursors) // 6)]:
            before = chunks.index(chunk) + 1
            known = set(uids_of(values_of(chunks[:before])))
            rest = {*fake.truth().posts} - known
            again = chunks_until(SOURCE, options(fake), str(chunk.cursor), time, heard(*rest))
            assert known | set(uids_of(values_of(again))) == set(fake.truth().posts)
            sure = [each.covered_from_us for each in again if each.covered_from_us is not None]
            assert not sure or sure[0] <= json.loads(str(chunk.cursor))["sure_us"], "from where the first one was sure"


def test_what_arrives_late_below_the_cursor_is_heard_and_only_then_is_the_time_sure(tmp_path: Path) -> None:
    with (
        room_and_network(tmp_path, speed=150.0) as (room, fake),
        # Only the last minute is read again, so that it is a poll that finds what is older.
        room.listening("aus", SOURCE, options(fake, recheck_us=MINUTE_US)),
    ):
        first = fake.say(1)
        room.wait_until(holds(room, *first))
        room.wait_until(lambda: bool(room.heard_us()))
        (newest,) = fake.say(1)
        room.wait_until(holds(room, newest))
        late = fake.say_at(room.time.now_us() - 100_000_000)
        assert int(fake.stock.posts[late].id) < int(fake.stock.posts[newest].id)
        room.wait_until(holds(room, late), "a post that was 100 s late")
        until_us = room.heard_us()[-1][1]
        assert until_us <= room.time.now_us() - 120_000_000, "posts of the last two minutes may still come"


def test_a_post_seen_through_two_servers_is_one_post_and_so_is_its_delete(tmp_path: Path) -> None:
    room = Room(tmp_path, 150.0)
    with (
        MastodonFake("one.example", seed=1, now_us=room.time.now_us) as one,
        MastodonFake("two.example", seed=2, now_us=room.time.now_us) as two,
    ):
        one.federate(two)
        with room.listening("one", SOURCE, options(one)), room.listening("two", SOURCE, options(two)):
            uids = one.say(10)
            room.wait_until(lambda: [uids_of(room.values()).count(uid) for uid in uids] == [2] * 10)
            one.delete(uids[0])
            room.wait_until(lambda: len([value for value in room.values() if b'"delete"' in value]) == 2)
    what = held(SOURCE, room.values())
    assert what.posts == one.truth().posts
    assert what.deleted == {uids[0]}, "each server's own id leads to the same post"


def test_what_comes_later_still_and_edits_and_deletes_are_found_when_the_last_hour_is_read_again(
    tmp_path: Path,
) -> None:
    with room_and_network(tmp_path, speed=300.0) as (room, fake), room.listening("aus", SOURCE, options(fake)):
        uids = fake.say(60)
        room.wait_until(holds(room, *uids))
        half_hour_late = fake.say_at(room.time.now_us() - 30 * MINUTE_US)
        moved_us = room.time.now_us()
        room.wait_until(lambda: room.time.now_us() > moved_us + 4 * MINUTE_US)
        fake.edit(uids[3], "The bridge is open again")
        fake.delete(uids[4])
        room.wait_until(lambda: not missing(fake.truth(), held(SOURCE, room.values())), "edit and late post")
        room.wait_until(lambda: uids[4] in held(SOURCE, room.values()).deleted, "the delete")
        what = held(SOURCE, room.values())
        assert what.posts[uids[3]] == "The bridge is open again"
        assert half_hour_late in what.posts
        assert what.records == 60 + 1 + 1 + 1, "sixty posts, a late one, an edit, a delete: nothing is said twice"
        statuses = [each.path for each in fake.requests if each.path.startswith("/api/v1/statuses/")]
        assert statuses == [f"/api/v1/statuses/{fake.stock.posts[uids[4]].id}"], "only what is missing is asked for"
        assert not [each for each in fake.requests if each.status == 429]


def test_a_pause_is_filled_and_what_is_older_than_backfill_is_a_gap(tmp_path: Path) -> None:
    with room_and_network(tmp_path, speed=600.0) as (room, fake):
        fake.limit(100_000, 300.0)
        made = options(fake, every_us=10_000_000, late_us=10_000_000)
        with room.listening("aus", SOURCE, made):
            first = fake.say(3)
            room.wait_until(holds(room, *first))
            room.wait_until(lambda: bool(room.heard_us()))
        left_us = room.time.now_us()
        missed = fake.say(300)
        room.wait_until(lambda: room.time.now_us() > left_us + 4 * MINUTE_US)
        with room.listening("aus", SOURCE, made):
            room.wait_until(holds(room, *missed))
            room.wait_until(lambda: room.heard_us()[-1][1] > left_us + 3 * MINUTE_US)
        assert len(room.heard_us()) == 1, "what was missed was read, so that what was heard is one piece"
        left_us = room.time.now_us()
        lost = fake.say(1)
        room.wait_until(lambda: room.time.now_us() > left_us + 15 * MINUTE_US)
        recent = fake.say(1)
        with room.listening(
            "aus", SOURCE, options(fake, every_us=10_000_000, late_us=10_000_000, backfill_us=5 * MINUTE_US)
        ):
            room.wait_until(holds(room, *recent))
            room.wait_until(lambda: len(room.heard_us()) == 2)
        assert not holds(room, *lost)()
        (low, high) = room.heard_us()[0][1], room.heard_us()[1][0]
        assert high - low > 5 * MINUTE_US
        assert any(note.kind == "gap" and note.to_us >= high - MINUTE_US for note in room.notes())


@pytest.mark.parametrize("after_s", [None, 20.0])
@pytest.mark.parametrize("form", ["iso", "epoch"])
def test_a_server_that_says_it_is_too_often_is_asked_no_more_until_its_time(
    tmp_path: Path, after_s: float | None, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    with room_and_network(tmp_path) as (room, fake), room.listening("aus", SOURCE, options(fake)):
        fake.reset_format = form
        first = fake.say(1)
        room.wait_until(holds(room, *first))
        fake.fault("429", after_s=after_s)
        room.wait_until(lambda: room.states()["aus"]["disconnects"] == 1)
        refused = next(index for index, each in enumerate(fake.requests) if each.status == 429)
        later = fake.say(1)
        room.wait_until(holds(room, *later))
        assert [each.status for each in fake.requests[refused + 1 :]].count(429) == 0
        room.wait_until(lambda: room.states()["aus"]["state"] == "live")
    (line,) = [each for each in caplog.messages if "is down" in each]
    assert "answered 429: Too many requests" in line


def test_a_limit_that_is_used_up_makes_a_pause_that_status_shows(tmp_path: Path) -> None:
    with room_and_network(tmp_path) as (room, fake):
        fake.limit(4, 120.0)
        with room.listening("aus", SOURCE, options(fake, every_us=5_000_000)):
            room.wait_until(lambda: bool(room.states()) and room.states()["aus"]["state"] == "paused")
            assert "allows nothing more" in room.states()["aus"]["reason"]
            uids = fake.say(1)
            room.wait_until(holds(room, *uids))
        assert not [each for each in fake.requests if each.status == 429], "it never comes to a refusal"


def test_two_sources_share_what_one_host_allows() -> None:
    from lapwing.sources._limits import Allowance, Pace

    class Still:
        def now_us(self) -> int:
            return 1_000_000_000

        def monotonic_s(self) -> float:
            return 100.0

    allowance = Allowance(Still())  # type: ignore[arg-type]
    pace = Pace(every_s=3.0, burst=2)
    assert [allowance.wait_s(pace) for _ in range(4)] == [0.0, 0.0, 3.0, 6.0]
    allowance.block(1_020_000_000)
    assert allowance.wait_s(None) == 20.0


ACCESS = [
    ({"local": "disabled", "remote": "disabled"}, {}, "turned this timeline off"),
    (
        {"local": "public", "remote": "authenticated"},
        {},
        "its remote posts to its users alone; give a token or timeline = 'local'",
    ),
    ({"local": "authenticated", "remote": "authenticated"}, {"timeline": "local"}, "its local posts .* give a token$"),
]


@pytest.mark.parametrize(("access", "words", "said"), ACCESS)
def test_a_closed_timeline_is_refused_with_what_to_do(access: dict[str, str], words: Any, said: str) -> None:
    with network() as (time, fake):
        fake.access["live_feeds"] = access
        with pytest.raises(RefusedBySource, match=said):
            chunks_until(SOURCE, options(fake, **words), "", time, bool)
        assert [each.path for each in fake.requests] == ["/api/v2/instance"]


def test_what_is_open_is_heard_with_a_token_or_in_part() -> None:
    with network() as (time, fake):
        uids = fake.say(1)
        fake.access["live_feeds"] = {"local": "public", "remote": "disabled"}
        chunks = chunks_until(SOURCE, options(fake), "", time, heard(*uids))
        assert chunks[-1].details is not None
        assert chunks[-1].details["not_shown"] == "remote"
        fake.access["live_feeds"] = {"local": "authenticated", "remote": "authenticated"}
        chunks_until(SOURCE, options(fake, token="user-token"), "", time, heard(*uids))
        assert fake.requests[-1].headers["authorization"] == "Bearer user-token"
        assert fake.requests[-1].headers["user-agent"].startswith("Lapwing/")


def test_errors_say_what_and_never_the_token() -> None:
    with network() as (time, fake):
        with pytest.raises(RefusedBySource) as refused:
            chunks_until(SOURCE, options(fake, token="a-secret"), "", time, bool)
        assert "answered 401: The access token is invalid; look at the token" in str(refused.value)
        assert "a-secret" not in str(refused.value)
        fake.fault("429", after_s=5.0)
        with pytest.raises(RateLimited) as limited:
            chunks_until(SOURCE, options(fake), "", time, bool)
        assert limited.value.until_us is not None
        assert 0 < limited.value.until_us - time.now_us() < 10_000_000
        with pytest.raises(RefusedBySource, match="http:// is not encrypted"):
            chunks_until(SOURCE, SOURCE.options(url="http://aus.example"), "", time, bool)
        with pytest.raises(RefusedBySource, match="streams are for users alone"):
            chunks_until(SOURCE, options(fake, stream=True), "", time, bool)


def test_hashtags_are_timelines_of_their_own() -> None:
    with network() as (time, fake):
        (flood,) = fake.say(1, text="Water on the road #flood")
        (fire,) = fake.say(1, text="Smoke #fire")
        (other,) = fake.say(1, text="What a match")
        chunks = chunks_until(SOURCE, options(fake, tags=["flood", "fire"]), "", time, heard(flood, fire))
        assert other not in uids_of(values_of(chunks))
        assert set(json.loads(str(chunks[-1].cursor))["last"]) == {"flood", "fire"}


def test_what_was_not_durable_is_yielded_again_by_the_same_process() -> None:

    with network() as (time, fake):
        uids = fake.say(5)
        made, shared = options(fake), {}
        surroundings = surroundings_of(made, time, shared)
        first: list[SourceChunk] = []

        async def until_heard(after: str) -> list[bytes]:
            found: list[SourceChunk] = []
            async for chunk in SOURCE.read(made, after, surroundings):
                found.append(chunk)
                first.append(chunk)
                if set(uids) <= set(uids_of(values_of(found))):
                    return values_of(found)
            return []

        async def story() -> list[bytes]:
            await until_heard("")
            again = await until_heard("")  # the lease was lost before anything was appended
            for each in shared.values():
                await each.close()
            return again

        assert uids_of(asyncio.run(asyncio.wait_for(story(), 20))) == uids
