"""X through its stream: what comes, what breaks, and how what a break left is filled."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from lapwing.engine.attention import Patience
from lapwing.hearing import BackOff, Disconnected, RateLimited, RefusedBySource
from lapwing.sources._x_answers import (
    CONNECTION,
    LIMITED,
    SERVER,
    Capped,
    Crowded,
    Problem,
    raise_ending,
    raise_meaning,
)
from lapwing.sources._x_position import Position
from lapwing.sources._x_rules import Standing
from lapwing.sources._x_stream import Lines
from lapwing.testing.networks import XFake
from sources.hearing import DEADLINE_S, HurriedTime, Room
from sources.held import chunks_until, values_of
from sources.x_stories import NAME, SEARCH, SOURCE, STREAM, asked, network, options, uids

SECOND_US = 1_000_000


def live(room: Room) -> bool:
    return room.states().get(NAME, {}).get("state") == "live"


def whole(room: Room, fake: XFake) -> bool:
    """Whether everything that was said is here, and no time is left without it."""
    return set(uids(room.values())) == set(fake.truth().posts) and len(room.heard_us()) == 1


@pytest.mark.parametrize("generation", ["tweet", "post"])
def test_posts_come_with_place_author_and_the_whole_text_of_reposts(tmp_path: Path, generation: str) -> None:
    with network(tmp_path, generation=generation) as (room, fake):
        with room.listening(NAME, SOURCE, options(fake)):
            room.wait_until(lambda: fake.listeners == 1)
            (said,) = fake.say(text="flood " * 40, author=7)
            fake.repost(said, author=8)
            room.wait_until(lambda: len(room.values()) == 2)
        post, repost = sorted(map(json.loads, room.values()), key=lambda each: int(each["data"]["id"]))
        assert post["data"]["author_id"] == "4000000007"
        assert post["includes"]["users"][0]["username"] == "marta_7"
        assert post["includes"]["places"][0]["country_code"] in ("CA", "AU")
        (original,) = repost["includes"]["tweets" if generation == "tweet" else "posts"]
        assert original["id"] == post["data"]["id"]
        (spans, keys) = room.log.spans(), set()
        for (topic, partition), (first, end) in spans.items():
            if topic == "raw.x" and end > first:
                keys |= {
                    key for chunk in room.log.read(topic, partition, first, 1 << 30) for key in chunk.records.keys or ()
                }
        assert keys <= {"x:4000000007", "x:4000000008"}


def test_the_sample_stream_needs_no_rules(tmp_path: Path) -> None:
    with network(tmp_path) as (room, fake):
        with room.listening(NAME, SOURCE, options(fake, stream="sample", rules=[])):
            room.wait_until(lambda: fake.listeners == 1)
            fake.say(4)
            room.wait_until(lambda: len(room.values()) == 4)
        assert fake.rules == {}


def test_two_sources_two_cities_two_topics_side_by_side(tmp_path: Path) -> None:
    with network(tmp_path) as (room, fake):
        fake.connections_max = 2
        cities = {"x.toronto": "Toronto", "x.montreal": "Montréal"}
        first, second = (options(fake, rules=[f'flood place:"{place}"']) for place in cities.values())
        with (
            room.listening("x.toronto", SOURCE, first, topic="raw.x.toronto"),
            room.listening("x.montreal", SOURCE, second, topic="raw.x.montreal"),
        ):
            room.wait_until(lambda: fake.listeners == 2)
            fake.say(100, text="flood")
            wanted = [uid for uid, post in fake.stock.posts.items() if post.place in cities.values()]
            assert len(wanted) > 10
            room.wait_until(lambda: len(room.values()) == len(wanted))
        for name, place in cities.items():
            found = uids(room.values(f"raw.{name}"))
            assert found
            assert {fake.stock.posts[uid].place for uid in found} == {place}


def test_what_was_missed_is_filled_by_search_and_the_gap_is_closed(tmp_path: Path) -> None:
    with network(tmp_path) as (room, fake), room.listening(NAME, SOURCE, options(fake, rules=["flood", "storm"])):
        room.wait_until(lambda: fake.listeners == 1)
        fake.say(2, text="a flood")
        room.wait_until(lambda: len(room.values()) == 2)
        fake.stop()
        fake.say(25, text="a flood unheard")
        fake.say(3, text="a storm unheard")
        room.wait_until(lambda: room.states()[NAME]["state"] == "broken")
        fake.start()
        room.wait_until(lambda: whole(room, fake), "all")
        room.wait_until(lambda: live(room))
        assert [note.kind for note in room.notes()].count("gap") > 0, "while nothing was heard, that was said"
        assert asked(fake, SEARCH) >= 2, "each rule is asked for"


def test_without_search_the_gap_stays(tmp_path: Path) -> None:
    with network(tmp_path) as (room, fake), room.listening(NAME, SOURCE, options(fake, recover="none")):
        room.wait_until(lambda: fake.listeners == 1 and len(room.heard_us()) == 1)
        fake.stop()
        missed = fake.say(3, text="a flood unheard")
        room.wait_until(lambda: room.states()[NAME]["state"] == "broken")
        back_us = room.time.now_us()
        fake.start()
        room.wait_until(lambda: live(room) and fake.listeners == 1)
        room.wait_until(lambda: len(room.heard_us()) == 2)
        assert asked(fake, SEARCH) == 0
        assert not set(missed) & set(uids(room.values()))
        assert room.heard_us()[1][0] >= back_us


def test_an_enterprise_has_the_stream_give_it_again(tmp_path: Path) -> None:
    with network(tmp_path) as (room, fake):
        fake.backfill = True
        made = options(fake, recover="none", backfill_minutes=5)
        with room.listening(NAME, SOURCE, made):
            room.wait_until(lambda: fake.listeners == 1 and live(room))
            fake.stop()
            fake.say(5, text="a flood unheard")
            room.wait_until(lambda: room.states()[NAME]["state"] == "broken")
            fake.start()
            room.wait_until(lambda: whole(room, fake), "all")
            room.wait_until(lambda: live(room))
        first, *later = [each for each in fake.requests if each.path == STREAM]
        assert "backfill_minutes" not in first.query
        assert later[-1].query["backfill_minutes"] == ["5"]


def test_reading_from_any_cursor_misses_nothing(tmp_path: Path) -> None:
    with network(tmp_path, speed=40.0) as (room, fake):
        room.time.patience_s = DEADLINE_S
        made = options(fake)

        def twelve(chunks: list) -> bool:
            if fake.listeners and len(fake.stock.posts) < 12:
                fake.say(3, text="a flood")
            return len(values_of(chunks)) >= 12

        fake.keep_alive_s = 0.02
        chunks = chunks_until(SOURCE, made, "", room.time, twelve)
        truth = set(fake.truth().posts)
        cursors = [chunk.cursor for chunk in chunks if chunk.cursor is not None]
        assert len(cursors) >= 4
        for number, cursor in enumerate(cursors):
            before = set(uids(values_of(chunks[: number + 1])))
            room.wait_until(lambda: fake.listeners == 0)
            again = chunks_until(SOURCE, made, cursor, room.time, lambda found: any(_fills(each) for each in found))
            assert before | set(uids(values_of(again))) == truth
            covered = next(each for each in again if _fills(each))
            assert covered.covered_from_us == json.loads(cursor)["until_us"]


def _fills(chunk: object) -> bool:
    from_us, to_us = chunk.covered_from_us, chunk.covered_to_us  # type: ignore[attr-defined]
    return from_us is not None and to_us > from_us


def test_a_silent_connection_is_broken_after_25_seconds_and_signs_of_life_keep_it(tmp_path: Path) -> None:
    with network(tmp_path, speed=30.0) as (room, fake), room.listening(NAME, SOURCE, options(fake)):
        room.wait_until(lambda: fake.listeners == 1 and live(room))
        began_us = room.time.now_us()
        room.wait_until(lambda: room.time.now_us() - began_us > 60 * SECOND_US)
        assert room.states()[NAME]["disconnects"] == 0, "silent for a minute, but for signs of life"
        fake.fault("stall")
        room.wait_until(lambda: room.states()[NAME]["disconnects"] == 1)
        reason = next(note.reason for note in room.notes() if note.kind == "gap")
        assert reason == "X was silent for 25 s, without a sign of life"


@pytest.mark.parametrize("kind", ["UpstreamOperationalDisconnect", "ForceDisconnect", "SlowReader"])
def test_x_says_why_it_ends_a_stream(tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    with network(tmp_path) as (room, fake), room.listening(NAME, SOURCE, options(fake)):
        room.wait_until(lambda: fake.listeners == 1 and live(room))
        fake.disconnect(kind)
        room.wait_until(lambda: asked(fake, STREAM) == 2 and fake.listeners == 1)
    (line,) = [record.message for record in caplog.records if "is down" in record.message]
    assert line.startswith(f"{NAME} is down: X ended the stream: {kind}: ")


class Watch:
    """When X was asked for something, by the hurried clock; its requests say no time."""

    def __init__(self, fake: XFake, clock: HurriedTime, path: str) -> None:
        self.at_s: list[float] = []
        self._fake, self._clock, self._path = fake, clock, path
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.is_set():
            self._look()
            time.sleep(0.002)  # the fake runs in another thread and keeps no times

    def _look(self) -> None:
        self.at_s += [self._clock.monotonic_s()] * (asked(self._fake, self._path) - len(self.at_s))

    def after_first_s(self) -> list[float]:
        """When the others came, from the first on."""
        self._ended.set()
        self._thread.join()
        self._look()  # on a busy machine the last ones came since
        return [each - self.at_s[0] for each in self.at_s[1:]]


WAITS = [
    pytest.param({"kind": "429", "after_s": 30.0}, [(28.0, 45.0)], id="limited, and X says until when"),
    pytest.param({"kind": "429", "times": 1}, [(59.0, 85.0)], id="limited"),
    pytest.param({"kind": "429", "times": 2}, [(59.0, 85.0), (178.0, 240.0)], id="again", marks=pytest.mark.full),
    pytest.param({"kind": "503", "times": 3}, [(4.2, 9.0), (13.0, 22.0), (31.0, 48.0)], id="an error of X"),
    pytest.param({"kind": "cut", "times": 6}, [(0.0, 6.0), (0.15, 8.0), (0.55, 10.0)], id="a connection cut"),
]
"""Seconds from the first request to each of the next, from … to: the waits add up."""
LATE_S = 2.0
"""By the machine's own clock: so late a busy one may be."""


@pytest.mark.parametrize(("fault", "wanted"), WAITS)
def test_after_each_kind_of_trouble_it_waits_as_x_asks(
    tmp_path: Path, fault: dict[str, object], wanted: list[tuple[float, float]]
) -> None:
    # Quarters of a second are told apart only where they are not hurried.
    with network(tmp_path, speed=4.0 if fault["kind"] == "cut" else 30.0) as (room, fake):
        fake.rule("flood", f"lapwing:{NAME}:")
        watch = Watch(fake, room.time, "/2/tweets/search/stream/rules")
        fake.fault(**fault)  # type: ignore[arg-type]
        with room.listening(NAME, SOURCE, options(fake)):
            room.wait_until(lambda: fake.listeners == 1 and live(room))
        after_s = watch.after_first_s()
        if fault["kind"] == "cut":
            after_s = after_s[1::2]  # aiohttp asks twice before it says that a connection was cut
        after_s = after_s[: len(wanted)]
        assert len(after_s) == len(wanted)
        for each_s, (low_s, high_s) in zip(after_s, wanted, strict=True):
            assert low_s <= each_s <= high_s + LATE_S * room.time.speed, after_s


@pytest.mark.parametrize(
    ("back_off", "waits_s"),
    [(CONNECTION, [0, 0.25, 0.5, 0.75]), (SERVER, [5, 10, 20, 40, 80, 160, 320, 320]), (LIMITED, [65, 130, 260, 520])],
)
def test_the_waits_grow_as_documented(back_off: BackOff, waits_s: list[float]) -> None:
    class Even:
        def uniform(self, low: float, high: float) -> float:
            return 0.0

    patience = Patience(Even())  # type: ignore[arg-type]
    assert [patience.wait_s(back_off, 0.0) for _ in waits_s] == waits_s
    assert LIMITED.first_s * (1 - LIMITED.jitter) > 60


def test_a_bad_token_is_refused_with_the_next_step_and_not_shown(tmp_path: Path) -> None:
    with network(tmp_path) as (room, fake), room.listening(NAME, SOURCE, options(fake, token="s3cret-token")):
        room.wait_until(lambda: room.states().get(NAME, {}).get("state") == "refused")
        reason = room.states()[NAME]["reason"]
        assert "401" in reason
        assert "bearer token" in reason
        assert "s3cret" not in json.dumps(room.states())


def test_an_app_without_the_right_is_refused(tmp_path: Path) -> None:
    with network(tmp_path) as (room, fake), room.listening(NAME, SOURCE, options(fake)):
        fake.entitled = False
        fake.fault("cut")
        room.wait_until(lambda: room.states().get(NAME, {}).get("state") == "refused")
        assert "client-not-enrolled" in room.states()[NAME]["reason"]


def test_a_place_that_is_taken_is_said_and_freed_only_when_wished(tmp_path: Path) -> None:
    with network(tmp_path) as (room, fake), room.listening("x.first", SOURCE, options(fake)):
        room.wait_until(lambda: fake.listeners == 1)
        with room.listening(NAME, SOURCE, options(fake)):
            room.wait_until(lambda: "end_stuck_connections" in room.states().get(NAME, {}).get("reason", ""))
            assert "TooManyConnections" in room.states()[NAME]["reason"]
            assert asked(fake, "/2/connections/all", "DELETE") == 0
        with room.listening("x.third", SOURCE, options(fake, end_stuck_connections=True)):
            room.wait_until(lambda: asked(fake, "/2/connections/all", "DELETE") == 1)


MEANINGS: dict[str, tuple[int, bytes, type[Exception], BackOff | None]] = {
    "token": (401, b'{"title":"Unauthorized"}', RefusedBySource, None),
    "credits": (402, b'{"title":"CreditsDepleted"}', RefusedBySource, None),
    "rights": (403, b'{"title":"Forbidden"}', RefusedBySource, None),
    "no rules": (409, b'{"title":"ConnectionException"}', Disconnected, SERVER),
    "too many": (429, b'{"title":"Too Many Requests","type":"about:blank"}', RateLimited, LIMITED),
    "capped": (429, b'{"title":"x","type":"https://api.x.com/2/problems/usage-capped","period":"Daily"}', Capped, None),
    "crowded": (429, b'{"title":"ConnectionException","connection_issue":"TooManyConnections"}', Crowded, None),
    "provisioning": (429, b'{"title":"C","connection_issue":"ProvisioningSubscription"}', Disconnected, SERVER),
    "server": (503, b"<html>Over capacity</html>", Disconnected, SERVER),
}


@pytest.mark.parametrize(("status", "body", "kind", "back_off"), MEANINGS.values(), ids=MEANINGS)
def test_what_a_refusal_means(status: int, body: bytes, kind: type[Exception], back_off: BackOff | None) -> None:
    with pytest.raises(kind) as raised:
        raise_meaning(status, {}, body, 0)
    assert getattr(raised.value, "back_off", None) == back_off
    assert getattr(raised.value, "monthly", False) is False


def test_an_error_beside_a_post_is_no_end_and_one_without_is() -> None:
    post = b'{"data":{"id":"7","author_id":"1"},"errors":[{"title":"Not Found Error"}]}\r\n'
    end = b'{"errors":[{"title":"operational-disconnect","disconnect_type":"InternalError","detail":"sorry"}]}\r\n'
    heard = Lines().sort(post + b"\r\n" + end, Standing(), 0)
    assert (heard.ids, heard.posts, heard.keys) == (["7"], 1, ["x:1"])
    assert heard.ending is not None
    with pytest.raises(Disconnected, match="InternalError: sorry"):
        raise_ending(heard.ending)
    with pytest.raises(Crowded):
        raise_ending(Problem(connection_issue="TooManyConnections"))


def test_only_line_ends_end_lines_and_half_a_line_is_no_record() -> None:
    lines = Lines()
    text = '{"data":{"id":"7","author_id":"1","text":"one\u2028line\u0085still"}}'.encode()
    assert lines.sort(text[:20], Standing(), 0).values == []
    assert lines.sort(text[20:] + b"\r\n" + text[:9], Standing(), 0).values == [text]
    assert lines.sort(text[9:] + b"\n", Standing(), 0).values == [text]


def test_a_line_that_is_too_long_leaves_its_length_and_hash() -> None:
    lines, found = Lines(), []
    for part in (b'{"data":', b"a" * (1 << 20), b"a" * (1 << 20), b"}\r\n", b'{"data":{"id":"7"}}\r\n'):
        heard = lines.sort(part, Standing(), 0)
        found += heard.oversized + heard.values
    assert len(found) == 2
    assert json.loads(found[0])["oversize"]["bytes"] > 2 << 20
    assert found[1] == b'{"data":{"id":"7"}}'


def test_what_is_no_post_is_handed_on_in_order_with_its_author() -> None:
    delete = b'{"data":{"delete":{"tweet":{"id":"7","author_id":"1"},"event_at":"2026-11-22T03:10:00.000Z"}}}'
    gone = b'{"data":{"user_delete":{"user":{"id":"2"},"event_at":"2026-11-22T03:10:00.000Z"}}}'
    odd = b'{"new":"message"}'
    heard = Lines().sort(b"\n".join([delete, gone, odd, b"no json", b""]), Standing(prefix="lapwing:a:"), 0)
    assert heard.values == [delete, gone, odd, b"no json"]
    assert heard.keys == ["x:1", "x:2", "", ""]
    assert heard.posts == 0, "only posts are paid for"


def test_holes_are_kept_apart_filled_in_part_and_never_too_many() -> None:
    position = Position(until_us=10)
    position.break_until(20)
    position.until_us = 30
    position.break_until(40)
    assert position.holes_us == [(10, 20), (30, 40)]
    position.fill(12, 14)
    position.fill(35, 50)
    assert position.holes_us == [(10, 12), (14, 20), (30, 35)]
    for at in range(100, 1000, 10):
        position.until_us = at
        position.break_until(at + 5)
    assert len(position.holes_us) == 20
    assert position.holes_us[0][0] == 10


def test_edits_are_posts_of_their_own_with_the_first_id_as_uid(tmp_path: Path) -> None:
    with network(tmp_path) as (room, fake), room.listening(NAME, SOURCE, options(fake)):
        room.wait_until(lambda: fake.listeners == 1)
        (said,) = fake.say(text="a flood")
        fake.edit(said, "a flood, mended")
        fake.edit(said, "a flood, mended twice")
        room.wait_until(lambda: len(room.values()) == 3)
        assert uids(room.values()) == [said] * 3


def test_a_name_that_nobody_knows_is_trouble_of_the_network() -> None:
    made = SOURCE.options(token="t", url="https://x.invalid", rules=["flood"])
    with pytest.raises(Disconnected) as raised:
        chunks_until(SOURCE, made, "", HurriedTime(), lambda _: False)
    assert raised.value.back_off == CONNECTION
    assert str(raised.value).startswith("x.invalid: ")
