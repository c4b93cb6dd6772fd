"""An hour of X with fifty faults: nothing lost that could be had, nothing twice, and the truth about it at every step."""

from __future__ import annotations

from pathlib import Path

import pytest

from sources.hours import Witness, memory_flat
from sources.x_stories import NAME, SOURCE, network, options, uids

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
POSTS = 1_800
FAULTS = 50


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("recover", ["search", pytest.param("none", marks=pytest.mark.long)])
def test_an_hour_with_fifty_faults(tmp_path: Path, recover: str) -> None:
    with memory_flat(frames=1) as looked, network(tmp_path, speed=60.0) as (room, fake):
        fake.faults(seed=4, count=FAULTS, over_posts=POSTS)
        with room.listening(NAME, SOURCE, options(fake, recover=recover)):
            room.wait_until(lambda: fake.listeners == 1 and NAME in room.states())
            began_us, said, witness = room.time.now_us(), {}, Witness(room, fake, NAME)
            for number in range(POSTS):
                due_us = began_us + HOUR_US * number // POSTS
                room.wait_until(lambda due_us=due_us: room.time.now_us() >= due_us)
                (uid,) = fake.say(text=f"a flood, number {number}")
                said[uid] = room.time.now_us()
                if number in (POSTS // 3, POSTS - 1):
                    looked()
                if number % 20 == 0:
                    witness.look()
            if recover == "search":
                room.wait_until(lambda: set(uids(room.values())) == set(fake.truth().posts), "every post")
                room.wait_until(lambda: len(room.heard_us()) == 1, "a whole hour")
            room.wait_until(lambda: room.states()[NAME]["state"] == "live" and fake.listeners == 1)
        heard, here = room.heard_us(), set(uids(room.values()))
        assert len(fake.happened) >= FAULTS - 3, "nearly all that was drawn has happened"
        breaks = [each for each in fake.happened if each.kind in ("cut", "half", "down") and "stream" in each.at]
        assert room.states()[NAME]["disconnects"] >= len(breaks), "none of them was hushed up"
        lost = {uid for uid in said if uid not in here}
        for uid in lost:
            covered = [span for span in heard if span[0] + SECOND_US <= said[uid] <= span[1] - SECOND_US]
            assert not covered, "what is missing lies in no time that was said to be heard"
        assert (not lost) if recover == "search" else len(heard) > 1
