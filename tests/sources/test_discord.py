"""A bot on Discord, heard from a fake gateway and REST API: sessions resumed and lost, edits, deletes, close codes, answers."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lapwing import catalog
from lapwing.hearing import Disconnected, RateLimited, RefusedBySource, SourceChunk
from lapwing.sources._discord_gateway import SessionOver, ended
from lapwing.sources._discord_position import position_of
from lapwing.testing.networks import DiscordFake
from sources.hearing import HurriedTime, Room
from sources.held import chunks_until, held, missing, values_of
from sources.hours import survive

SOURCE = catalog.load("sources", "discord")
GUILD = "700000000000000001"
HERE = "800000000000000001"


def options(fake: DiscordFake, **words: Any) -> Any:
    return SOURCE.options(**({"token": fake.token, "url": fake.rest_url} | words))


def first_cursor(fake: DiscordFake, time: HurriedTime, made: Any) -> str:
    """A cursor at the beginning of a session, in which nothing was said yet."""
    return str(chunks_until(SOURCE, made, "", time, lambda chunks: chunks[-1].state == "live")[-1].cursor)


def records(count: int) -> Any:
    return lambda chunks: len(values_of(chunks)) >= count


def until_live(chunks: list[SourceChunk]) -> bool:
    return chunks[-1].covered_to_us is not None


def read_on(fake: DiscordFake, time: HurriedTime, made: Any, cursor: str) -> list[SourceChunk]:
    """What comes from a cursor on until it is live again, through a session that Discord has forgotten if need be."""
    found: list[SourceChunk] = []

    def enough(chunks: list[SourceChunk]) -> bool:
        found.append(chunks[-1])
        return until_live(chunks)

    with suppress(Disconnected):
        chunks_until(SOURCE, made, cursor, time, enough)
        return found
    assert "no longer knows the session" in found[-1].reason
    chunks_until(SOURCE, made, str(found[-1].cursor), time, enough)
    return found


def test_messages_come_as_they_were_dispatched_with_their_author_and_time() -> None:
    time = HurriedTime()
    with DiscordFake(now_us=time.now_us) as fake:

        def enough(chunks: list[SourceChunk]) -> bool:
            if len(chunks) == 1:
                fake.say(3, text="Hail in Perth", author=7)
            return len(values_of(chunks)) >= 3

        chunks = chunks_until(SOURCE, options(fake), "", time, enough)
        assert fake.intents_asked == [1 | 512 | 4096 | 32768]
        assert fake.requests[0].headers["user-agent"].startswith("DiscordBot (")
        assert held(SOURCE, values_of(chunks)).posts == fake.truth().posts
    frames = [json.loads(value) for value in values_of(chunks)]
    assert [frame["s"] for frame in frames] == [3, 4, 5], "READY and GUILD_CREATE were 1 and 2"
    assert [key for chunk in chunks for key in chunk.keys or ()] == ["discord:900000000000000107"] * 3
    assert chunks[0].covered_from_us is not None
    assert all(chunk.covered_from_us is None for chunk in chunks[1:])
    assert chunks[0].details == {"bot": "fakebot", "guilds": 1}
    url = catalog.load("formats", "discord").decode(_records(values_of(chunks))).posts["url"][0]
    assert url == f"https://discord.com/channels/{GUILD}/{HERE}/{frames[0]['d']['id']}"


def _records(values: list[bytes]) -> Any:
    from lapwing.model import Records

    return Records(
        source="d", network="discord", format="discord", values=values, received_at_us=[4 * 10**15] * len(values)
    )


def test_from_any_cursor_the_session_is_resumed_and_nothing_is_missing() -> None:
    time = HurriedTime()
    with DiscordFake(now_us=time.now_us) as fake:
        made = options(fake)
        cursors = [first_cursor(fake, time, made)]
        heard: list[list[bytes]] = [[]]
        for _ in range(4):
            fake.say(5)
            chunks = chunks_until(SOURCE, made, cursors[-1], time, until_live)
            for chunk in chunks:
                cursors.append(str(chunk.cursor))
                heard.append(heard[-1] + list(chunk.values))
        fake.delete(next(iter(fake.truth().posts)))
        assert len(cursors) >= 5
        for cursor, before in zip(cursors, heard, strict=True):
            chunks = read_on(fake, time, made, cursor)
            what = held(SOURCE, before + values_of(chunks))
            assert not missing(fake.truth(), what)
            assert set(what.posts) == set(fake.truth().posts), "the delete was heard too"
            assert position_of(cursor).heard_us == next(
                chunk.covered_from_us for chunk in chunks if chunk.covered_to_us is not None
            )
        assert len(fake.intents_asked) == 1, "one session, resumed ever after"


@pytest.mark.parametrize("direct", [False, True])
def test_a_session_that_was_forgotten_is_filled_back_channel_by_channel(direct: bool) -> None:
    time = HurriedTime()
    with DiscordFake(now_us=time.now_us, channels=("reports", "quiet")) as fake:
        made = options(fake, direct=direct)
        cursor = first_cursor(fake, time, made)
        before = fake.say(5)
        chunks = chunks_until(SOURCE, made, cursor, time, until_live)
        cursor, was_us = str(chunks[-1].cursor), position_of(str(chunks[-1].cursor)).heard_us
        fake.forget_sessions()
        fake.say(250)
        fake.say_in("quiet", "the first that was ever said here")
        fake.edit(before[0], "edited while nobody listened")
        missed = read_on(fake, time, made, cursor)
        assert [chunk.state for chunk in missed[:-1]] == ["back-filling"] * (len(missed) - 1)
        what = held(SOURCE, values_of(chunks) + values_of(missed))
        assert not missing(fake.truth(), what)
        assert what.refused == []
        urls = catalog.load("formats", "discord").decode(_records(values_of(missed))).posts["url"].to_list()
        assert all(url.startswith(f"https://discord.com/channels/{GUILD}/") for url in urls)
        asked = [each for each in fake.requests if each.path.endswith("/messages")]
        assert len(asked) == 2 + 3 + 1, "for edits one page of each channel, then 100, 100, 50, and the other channel"
        last = position_of(str(missed[-1].cursor))
        assert (last.filling, last.todo, len(last.places)) == (False, {}, 2)
        if direct:
            assert missed[-1].covered_from_us == last.heard_us
            (lost,) = missed[-1].lost
            assert (lost.from_us, lost.to_us) == (was_us, last.since_us)
            assert "direct messages" in lost.reason
        else:
            assert missed[-1].covered_from_us == was_us
            assert missed[-1].lost == ()


def test_a_fill_that_is_broken_off_goes_on_where_it_was() -> None:
    time = HurriedTime()
    with DiscordFake(now_us=time.now_us) as fake:
        made = options(fake, direct=False)
        cursor = first_cursor(fake, time, made)
        fake.forget_sessions()
        missed = fake.say(250)
        found: list[SourceChunk] = []

        def first_page(chunks: list[SourceChunk]) -> bool:
            found.append(chunks[-1])
            return len(values_of(found)) >= 100

        with pytest.raises(Disconnected):
            chunks_until(SOURCE, made, cursor, time, first_page)
        chunks_until(SOURCE, made, str(found[-1].cursor), time, first_page)
        hundredth = missed[99].removeprefix("discord:")
        assert position_of(str(found[-1].cursor)).todo == {HERE: hundredth}, "one page of three"
        found += chunks_until(SOURCE, made, str(found[-1].cursor), time, until_live)
        assert not missing(fake.truth(), held(SOURCE, values_of(found)))
        assert found[-1].covered_from_us == position_of(cursor).heard_us


def test_a_channel_that_may_not_be_read_is_said_to_be_lost() -> None:
    time = HurriedTime()
    with DiscordFake(now_us=time.now_us) as fake:
        made = options(fake, direct=False, channels=[HERE, "811111111111111111"])
        cursor = first_cursor(fake, time, made)
        fake.forget_sessions()
        fake.say(2)
        missed = read_on(fake, time, made, cursor)
        assert not missing(fake.truth(), held(SOURCE, values_of(missed)))
        (lost,) = missed[-1].lost
        assert lost.reason == "the bot may not read channel 811111111111111111 (404: Unknown Channel)"


def test_asked_to_reconnect_it_resumes_at_once_and_where_its_session_is_invalid_it_begins_anew() -> None:
    time = HurriedTime(speed=5.0)
    with DiscordFake(now_us=time.now_us) as fake:
        made = options(fake, direct=False)

        def began(chunks: list[SourceChunk]) -> int:
            if len(chunks) == 1:
                fake.reconnect()
            return sum(chunk.covered_from_us is not None for chunk in chunks)

        chunks = chunks_until(SOURCE, made, "", time, lambda chunks: began(chunks) == 2)
        assert len(fake.intents_asked) == 1, "there was one session"

        def invalid(chunks: list[SourceChunk]) -> bool:
            if chunks[-1].covered_from_us is not None:
                fake.invalidate(resumable=False)
            found.append(chunks[-1])
            return False

        found: list[SourceChunk] = []
        with pytest.raises(Disconnected, match="no longer knows the session"):
            chunks_until(SOURCE, made, str(chunks[-1].cursor), time, invalid)
        later = read_on(fake, time, made, str(found[-1].cursor))
        assert len(fake.intents_asked) == 2
        assert later[-1].lost == ()


CLOSED: dict[int, tuple[type[Exception], str]] = {
    4000: (Disconnected, "closed the connection (4000)"),
    4004: (RefusedBySource, "does not know this token; make a new one"),
    4010: (RefusedBySource, "refuses the shard"),
    4011: (RefusedBySource, "fewer than 2,500 guilds"),
    4012: (RefusedBySource, "install a newer Lapwing"),
    4013: (RefusedBySource, "install a newer Lapwing"),
    4014: (RefusedBySource, "turn on Message Content Intent"),
}


@pytest.mark.parametrize("code", CLOSED)
def test_how_the_gateway_closes_says_what_to_do(code: int) -> None:
    time = HurriedTime()
    with DiscordFake(now_us=time.now_us) as fake:

        def close(chunks: list[SourceChunk]) -> bool:
            if len(chunks) == 1:
                fake.hang_up(code)
            return False

        kind, words = CLOSED[code]
        with pytest.raises(kind) as raised:
            chunks_until(SOURCE, options(fake), "", time, close)
        assert words in str(raised.value)
    assert isinstance(ended(4009), SessionOver)


def test_a_wrong_token_and_a_missing_intent_are_refused_before_anything_is_heard() -> None:
    time = HurriedTime()
    with DiscordFake(now_us=time.now_us) as fake:
        with pytest.raises(RefusedBySource, match="does not know this token"):
            chunks_until(SOURCE, options(fake, token="wrong"), "", time, until_live)
        fake.message_content = False
        with pytest.raises(RefusedBySource, match="turn on Message Content Intent") as refused:
            chunks_until(SOURCE, options(fake), "", time, until_live)
        assert "bot-token" not in str(refused.value)


def test_where_no_more_sessions_may_be_begun_today_it_waits_as_long_as_discord_says() -> None:
    time = HurriedTime()
    with DiscordFake(now_us=time.now_us) as fake:
        fake.starts_left = 0
        with pytest.raises(RateLimited, match="too many sessions") as limited:
            chunks_until(SOURCE, options(fake), "", time, until_live)
        wait_s = ((limited.value.until_us or 0) - time.now_us()) / 1e6
        assert 14_390 < wait_s <= 14_400
        assert fake.intents_asked == []


def test_a_connection_that_no_longer_acknowledges_heartbeats_is_left_and_resumed() -> None:
    time = HurriedTime(speed=10.0)
    with DiscordFake(now_us=time.now_us) as fake:
        fake.heartbeat_ms = 2_000
        fake.acknowledges = False
        found: list[SourceChunk] = []
        with pytest.raises(Disconnected, match="did not answer the last heartbeat"):
            chunks_until(SOURCE, options(fake), "", time, lambda chunks: bool(found.append(chunks[-1])))
        fake.acknowledges = True
        fake.say(1)
        chunks = chunks_until(SOURCE, options(fake), str(found[-1].cursor), time, records(1))
        assert len(fake.intents_asked) == 1
        assert not missing(fake.truth(), held(SOURCE, values_of(chunks)))


def test_heartbeats_that_are_acknowledged_carry_what_was_surely_heard() -> None:
    time = HurriedTime(speed=10.0)
    with DiscordFake(now_us=time.now_us) as fake:
        fake.heartbeat_ms = 2_000
        chunks = chunks_until(SOURCE, options(fake), "", time, lambda chunks: len(chunks) >= 4)
    times = [chunk.covered_to_us for chunk in chunks]
    assert None not in times
    assert times == sorted(times, key=lambda at: at or 0)
    assert (times[-1] or 0) - (times[1] or 0) >= 3_000_000, "two intervals"


def test_edits_deletes_and_link_previews() -> None:
    time = HurriedTime()
    with DiscordFake(now_us=time.now_us) as fake:
        made = options(fake)
        cursor = first_cursor(fake, time, made)
        first, second, third, fourth, fifth = fake.say(5)
        fake.edit(first, "no hail after all")
        fake.preview(second)
        fake.delete(third)
        fake.delete_bulk([fourth, fifth])
        chunks = chunks_until(SOURCE, made, cursor, time, records(10))
        values = values_of(chunks)
        what = held(SOURCE, values)
    assert what.posts == fake.truth().posts
    assert what.posts[first] == "no hail after all"
    assert what.deleted == {third, fourth, fifth}
    bulk = [json.loads(value) for value in values[-2:]]
    assert [frame["t"] for frame in bulk] == ["MESSAGE_DELETE"] * 2
    assert [frame["d"]["id"] for frame in bulk] == [fourth.removeprefix("discord:"), fifth.removeprefix("discord:")]
    assert bulk[0]["d"]["channel_id"] == HERE


def test_two_bots_in_one_process_do_not_know_of_each_other(tmp_path: Path) -> None:
    room = Room(tmp_path)
    with DiscordFake(token="one", now_us=room.time.now_us) as one, DiscordFake(token="two", seed=2) as two:
        with (
            room.listening("one", SOURCE, options(one), "raw.discord.one"),
            room.listening("two", SOURCE, options(two), "raw.discord.two"),
        ):
            room.wait_until(lambda: one.listeners == 1 and two.listeners == 1)
            one.say(3, text="Hail in Perth")
            two.say(2, text="Hail in Toronto")
            room.wait_until(
                lambda: len(room.values("raw.discord.one")) == 3 and len(room.values("raw.discord.two")) == 2
            )
        assert held(SOURCE, room.values("raw.discord.one")).posts == one.truth().posts
        assert held(SOURCE, room.values("raw.discord.two")).posts == two.truth().posts
        assert {name: state["state"] for name, state in room.states().items()} == {"one": "paused", "two": "paused"}


@pytest.mark.full
@pytest.mark.timeout(600)
def test_an_hour_with_fifty_faults(tmp_path: Path) -> None:
    room = Room(tmp_path, 60.0)
    with DiscordFake(seed=5, now_us=room.time.now_us, odd_every=97, channels=("reports", "quiet")) as fake:
        fake.faults(seed=11, count=50, over_posts=1_600)
        with room.listening("bot", SOURCE, options(fake, direct=False)):
            room.wait_until(lambda: fake.listeners == 1)
            fake.flow(30.0, 60.0)
            forgetful = Forgetful(fake)
            survive(room, fake, "bot", forgetful)
            fake.say(1)
            room.wait_until(lambda: fake.truth().posts.keys() <= held(SOURCE, room.values()).posts.keys(), "the last")
            room.wait_until(lambda: room.states()["bot"]["state"] == "live")
    what, truth = held(SOURCE, room.values()), fake.truth()
    assert {uid: text for uid, text in what.posts.items() if "<" not in truth.posts[uid]} == {
        uid: text for uid, text in truth.posts.items() if "<" not in text
    }, "mentions and times are written out by the format; all else is as it was said"
    assert fake.pending == 0
    assert len(fake.happened) >= 50
    assert room.states()["bot"]["disconnects"] >= 10
    assert len(fake.intents_asked) >= forgetful.times >= 5
    assert len(room.heard_us()) == 1, "everything was had in the end, so that what was heard is one piece"


class Forgetful:
    """With each tenth fault the network loses the session too, so that history must be read."""

    def __init__(self, fake: DiscordFake) -> None:
        self._fake, self.times = fake, 0

    def __call__(self) -> None:
        if len(self._fake.happened) // 10 > self.times:
            self.times += 1
            self._fake.forget_sessions()
