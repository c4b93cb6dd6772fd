"""An hour of Mastodon in which everything goes wrong, and twenty servers at once."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from lapwing.testing.networks import MastodonFake
from sources.hearing import Room
from sources.held import held, unheard
from sources.hours import survive
from sources.mastodon_stories import (
    SOURCE,
    SPEED,
    holds,
    options,
    room_and_network,
)


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("stream", [pytest.param(False, marks=pytest.mark.long), True])
def test_an_hour_with_fifty_faults(tmp_path: Path, stream: bool) -> None:
    with room_and_network(tmp_path, odd_every=97, seed=5) as (room, fake):
        fake.limit(1_000_000, 300.0)
        fake.faults(seed=11, count=50, over_posts=3_000)
        words = {"stream": True, "token": "user-token"} if stream else {"every_us": 20_000_000}
        with room.listening("aus", SOURCE, options(fake, **words)):
            room.wait_until(lambda: len(fake.requests) > 1)
            fake.flow(50.0, 60.0)
            survive(room, fake, "aus", connected=stream)
            room.wait_until(lambda: not unheard(fake.truth(), held(SOURCE, room.values())), "the last posts")
            room.wait_until(lambda: room.states()["aus"]["state"] == "live")
            end_us = room.time.now_us()
            room.wait_until(lambda: room.heard_us()[-1][1] > end_us, "that the end is sure")
        assert fake.pending == 0
        assert len(fake.happened) >= 50
        assert room.states()["aus"]["disconnects"] >= 10
        assert len(room.heard_us()) == 1, "everything was filled back, so that what was heard is one piece"


@pytest.mark.full
@pytest.mark.timeout(600)
def test_twenty_servers_at_once_each_with_its_own_trouble(tmp_path: Path) -> None:
    kinds = ["cut", "half", "stall", "down", "429", "500", "502", "503", "slow", "duplicate", "back", "401"]
    room = Room(tmp_path, SPEED)
    with ExitStack() as stack:
        fakes = []
        for number in range(20):
            fake = stack.enter_context(MastodonFake(f"s{number}.example", seed=number, now_us=room.time.now_us))
            fakes.append(fake)
        for number, fake in enumerate(fakes):
            stack.enter_context(room.listening(f"s{number}", SOURCE, options(fake, every_us=30_000_000)))
        said = [uid for fake in fakes for uid in fake.say(30)]
        room.wait_until(holds(room, *said))
        for number, fake in enumerate(fakes):
            fake.fault(kinds[number % len(kinds)])
            said += fake.say(60)
        room.wait_until(lambda: not any(fake.pending for fake in fakes), "every fault")
        said += [uid for fake in fakes for uid in fake.say(5)]
        room.wait_until(holds(room, *said), "every post of every server")
        room.wait_until(lambda: all(state["state"] == "live" for state in room.states().values()), "all live")
    assert len(room.states()) == 20
