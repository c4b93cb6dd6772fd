"""Reading X is paid for each post: what may be read is counted, shown, and never exceeded."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from lapwing.hearing import RefusedBySource
from lapwing.sources._x_budget import Budget, Counted, date_text, next_period_us
from lapwing.testing.networks import XFake
from sources.hearing import HurriedTime, Room
from sources.held import chunks_until, values_of
from sources.x_stories import NAME, SEARCH, SOURCE, STREAM, asked, network, options, uids

SECOND_US = 1_000_000


def at_us(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_US


NOON_US = at_us("2026-11-22 12:00")


def state(room: Room) -> dict:
    return room.states().get(NAME, {"state": "", "details": {}, "reason": ""})


def test_days_and_months_are_counted_apart_and_begin_anew() -> None:
    budget = Budget(100, 250, Counted(), NOON_US)
    budget.count(60, NOON_US)
    assert budget.left(NOON_US) == 40
    budget.hold(30)
    assert budget.left(NOON_US) == 10
    budget.release(30)
    tomorrow_us = at_us("2026-11-23 00:00")
    assert budget.left(tomorrow_us - 1) == 40
    assert budget.left(tomorrow_us) == 100
    budget.count(100, tomorrow_us)
    assert budget.left(at_us("2026-11-24 09:00")) == 90, "160 of 250 were read this month"
    assert budget.left(at_us("2026-12-01 00:00")) == 100
    assert budget.details(at_us("2026-12-01 00:00")) == {
        "reads_today": 0, "reads_this_month": 0, "left_today": 100, "left_this_month": 250,
    }  # fmt: skip


def test_what_was_under_way_counts_as_read_at_the_next_start() -> None:
    budget = Budget(100, None, Counted(), NOON_US)
    budget.count(10, NOON_US)
    budget.hold(20)
    kept = budget.counted(under_way=5)
    assert Budget(100, None, kept, NOON_US).left(NOON_US) == 100 - 10 - 20 - 5
    free = Budget(None, None, Counted(), NOON_US)
    assert (free.left(NOON_US), free.counted(under_way=5).ahead) == (None, 0)


def test_a_clock_that_goes_back_gives_nothing_again() -> None:
    budget = Budget(100, None, Counted(), NOON_US)
    budget.count(100, NOON_US)
    assert budget.left(at_us("2026-11-21 23:00")) == 0


def test_the_busiest_second_is_remembered() -> None:
    budget = Budget(100, None, Counted(), NOON_US)
    for late_us, posts in ((0, 3), (500_000, 4), (1_000_000, 5)):
        budget.count(posts, NOON_US + late_us)
    assert budget.busiest == 7


def test_when_there_is_more_again() -> None:
    budget = Budget(100, 150, Counted(), NOON_US)
    budget.count(95, NOON_US)
    assert date_text(budget.again_us(NOON_US, left_min=10)) == "2026-11-23 00:00 UTC"
    budget.count(50, NOON_US)
    assert date_text(budget.again_us(NOON_US, left_min=10)) == "2026-12-01 00:00 UTC"
    assert date_text(next_period_us(at_us("2026-12-31 23:59"), monthly=True)) == "2027-01-01 00:00 UTC"


@pytest.mark.parametrize("words", [{"reads_per_day": 200, "recover": "none"}, {"reads_per_month": 9}])
def test_a_budget_that_could_never_be_used_is_refused(tmp_path: Path, words: dict) -> None:
    with network(tmp_path) as (room, fake):
        with pytest.raises(RefusedBySource, match="stream_reserve"):
            chunks_until(SOURCE, options(fake, **words), "", room.time, lambda _: False)
        assert fake.requests == []


def test_the_stream_is_closed_with_a_reserve_and_search_reads_the_rest(tmp_path: Path) -> None:
    with network(tmp_path) as (room, fake):
        room.time = HurriedTime(60.0, NOON_US)
        fake.stock.now_us = room.time.now_us
        made = options(fake, reads_per_day=150, stream_reserve=50)
        with room.listening(NAME, SOURCE, made):
            room.wait_until(lambda: fake.listeners == 1)
            for _ in range(20):
                said = len(fake.given)
                fake.say(5, text="a flood")
                room.wait_until(lambda said=said: len(fake.given) >= said + 5 or fake.listeners == 0)
            room.wait_until(lambda: fake.listeners == 0)
            fake.say(100, text="a flood")
            room.wait_until(lambda: state(room)["state"] == "paused")
            assert asked(fake, SEARCH) >= 1
            assert "it goes on at 2026-11-23 00:00 UTC" in state(room)["reason"]
            assert state(room)["details"]["left_today"] < 10, "X gives no page of fewer than 10"
            assert len(fake.given) <= 150
        with room.listening(NAME, SOURCE, made):
            requests = len(fake.requests)
            room.wait_until(lambda: state(room)["state"] == "paused" and "budget" in state(room)["reason"])
            assert len(fake.requests) == requests, "a restart gives no new budget"


def test_the_next_day_it_goes_on_and_the_pause_is_a_gap(tmp_path: Path) -> None:
    with network(tmp_path) as (room, fake):
        room.time = HurriedTime(20.0, at_us("2026-11-22 23:58:30"))
        fake.stock.now_us = room.time.now_us
        made = options(fake, reads_per_day=30, stream_reserve=20, recover="none")
        with room.listening(NAME, SOURCE, made):
            room.wait_until(lambda: fake.listeners == 1)
            fake.say(10, text="a flood")
            room.wait_until(lambda: state(room)["state"] == "paused")
            assert fake.listeners == 0
            unheard = fake.say(5, text="a flood while it pauses")
            room.wait_until(lambda: fake.listeners == 1)
            assert room.time.now_us() >= at_us("2026-11-23 00:00")
            said = fake.say(1, text="a flood of the next day")
            room.wait_until(lambda: set(said) <= set(uids(room.values())))
            room.wait_until(lambda: state(room)["state"] == "live")
            assert not set(unheard) & set(uids(room.values()))
            assert state(room)["details"]["left_today"] == 29
            room.wait_until(lambda: any("budget is spent" in note.reason for note in room.notes()))


def test_a_cap_of_the_account_pauses_until_the_next_month(tmp_path: Path) -> None:
    with network(tmp_path) as (room, fake), room.listening(NAME, SOURCE, options(fake)):
        fake.posts_cap = 2
        room.wait_until(lambda: fake.listeners == 1)
        fake.say(3, text="a flood")
        room.wait_until(lambda: state(room)["state"] == "paused")
        assert "UsageCapExceeded" in state(room)["reason"]
        streams = asked(fake, STREAM)
        began_us = room.time.now_us()
        room.wait_until(lambda: room.time.now_us() > began_us + 120 * SECOND_US)
        assert asked(fake, STREAM) == streams, "nothing is asked while nothing is given"


def test_the_gap_is_not_filled_with_what_the_budget_does_not_allow(tmp_path: Path) -> None:
    with network(tmp_path, speed=20.0) as (room, fake):
        made = options(fake, reads_per_day=60, stream_reserve=20)
        chunks = chunks_until(SOURCE, made, "", room.time, bool)
        fake.say(200, text="a flood unheard")
        again = chunks_until(
            SOURCE, made, chunks[-1].cursor, room.time, lambda found: "not_filled" in found[-1].details
        )
        assert again[-1].details["not_filled"] == "the read budget did not allow it"
        assert 10 <= len(values_of(again)) <= 20, "the stream's reserve is not spent on the past, twice as much"
        assert len(fake.given) <= 60
        for each in fake.requests:
            if each.path == SEARCH:
                assert 10 <= int(each.query["max_results"][0]) <= 60


@pytest.mark.full
@pytest.mark.parametrize("seed", range(6))
def test_no_chance_makes_it_read_more_than_the_budget(tmp_path: Path, seed: int) -> None:
    """Random bursts, cuts, stops and restarts; X counts what it gave."""
    chance = Random(seed)
    limit, reserve = chance.randrange(60, 400), chance.randrange(20, 50)
    with network(tmp_path, speed=100.0) as (room, fake):
        room.time = HurriedTime(100.0, NOON_US)
        fake.stock.now_us = room.time.now_us
        made = options(fake, reads_per_day=limit, stream_reserve=reserve)
        for _ in range(6):
            with room.listening(NAME, SOURCE, made):
                room.wait_until(lambda: fake.listeners == 1 or "left_today" in state(room)["details"])
                for _ in range(chance.randrange(10, 80)):
                    fake.say(chance.randrange(1, 10), text="a flood")
                    _wait_a_moment(room, len(fake.given), fake)
                    assert len(fake.given) <= limit
                    if chance.random() < 0.02:
                        fake.fault(chance.choice(("cut", "half", "duplicate", "429", "503")), after_s=2.0)
            if "budget is spent" in json.dumps(room.states()):
                break
        with room.listening(NAME, SOURCE, made):
            fake.say(limit, text="a flood")
            room.wait_until(lambda: "budget is spent" in state(room)["reason"])
        assert len(fake.given) <= limit
        assert len(set(uids(room.values()))) <= len(fake.given)
        assert room.time.now_us() < at_us("2026-11-23 00:00"), "all on one day"


def _wait_a_moment(room: Room, given: int, fake: XFake) -> None:
    """Until X gave something more, or two seconds have passed."""
    until_us = room.time.now_us() + 2 * SECOND_US
    room.wait_until(lambda: len(fake.given) > given or room.time.now_us() > until_us)
