"""An hour in which everything goes wrong, watched: what is said about the source is true, and memory does not grow."""

from __future__ import annotations

import gc
import time as machine
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lapwing.hearing import STATES
from sources.hearing import Room

SURVIVED_S = 200.0
LOOK_S = 0.2
SECOND_US = 1_000_000
UNSEEN_US = 60 * SECOND_US
"""So long, in hurried time, may a connection be gone before its source says so: its rhythm, and a look at it."""
HELD_UP_S = 5.0
"""So long, in the machine's time, may a busy machine hold everything up;"""
LATE_TIMES = 10.0
"""and so many times as long as it lately held up the one who looks."""
GROWTH_BYTES_MAX = 8 << 20


def survive(
    room: Room, fake: Any, name: str, at_each: Callable[[], None] = lambda: None, *, connected: bool = True
) -> None:
    """Wait until all faults of a fake have happened and it has said what it had to say.

    `connected`: the source keeps a connection that the fake can count; one that polls has none.
    """
    witness = Witness(room, fake if connected else None, name)
    deadline_s, first = machine.monotonic() + SURVIVED_S, (fake.pending + len(fake.happened)) // 3
    with memory_flat() as looked:
        while fake.flowing or fake.pending:
            assert machine.monotonic() < deadline_s, (fake.pending, room.states())
            if not fake.flowing:
                fake.say(1)  # a fault bites when something is said
            witness.look()
            if len(fake.happened) >= first and not looked.sizes:
                looked()
            at_each()
            machine.sleep(LOOK_S)  # the fake speaks by itself
        looked()


FRAMES = 6
"""Of each piece of memory it is known which so many calls asked for it."""
THEIRS = [tracemalloc.Filter(False, f"*/{place}/*", all_frames=True) for place in ("lapwing/testing", "tests")]
"""What the fake remembers, and the test, is not what listening needs."""


class Looked:
    """How many bytes Python held at each look, without those of the fake."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self) -> None:
        gc.collect()
        held = tracemalloc.take_snapshot().filter_traces(THEIRS)
        self.sizes.append(sum(trace.size for trace in held.traces))


@contextmanager
def memory_flat(frames: int = FRAMES) -> Iterator[Looked]:
    """Look at least twice inside; what is held at the last look is hardly more than at the first.

    With one frame it costs least, and much of what the fake remembers is counted too.
    """
    looked = Looked()
    tracemalloc.start(frames)
    try:
        yield looked
    finally:
        tracemalloc.stop()
    assert len(looked.sizes) >= 2
    assert looked.sizes[-1] - looked.sizes[0] < GROWTH_BYTES_MAX, looked.sizes


class Witness:
    """Looks whether what is said about a source is true; of one that keeps a connection, the fake knows whether it does."""

    def __init__(self, room: Room, fake: Any, name: str) -> None:
        self._room, self._fake, self._name = room, fake, name
        self._connected_us = room.time.now_us()
        self._looked_s, self._late_s = machine.monotonic(), 0.0

    def look(self) -> None:
        """Whoever says that it is live is, or has been a moment ago; whoever is not says why."""
        now_s = machine.monotonic()
        self._late_s = max(0.95 * self._late_s, now_s - self._looked_s - LOOK_S)
        self._looked_s = now_s
        connected = self._fake is None or self._fake.listeners > 0
        now_us, state = self._room.time.now_us(), self._room.states().get(self._name)
        if connected:
            self._connected_us = now_us
        if state is None:  # it has only begun
            return
        assert state["state"] in STATES
        assert state["state"] not in ("paused", "refused"), "a fault is no reason to give up"
        assert state["state"] != "broken" or state["reason"]
        if state["state"] == "live":
            held_up_s = HELD_UP_S + LATE_TIMES * self._late_s
            assert now_us - self._connected_us < UNSEEN_US + held_up_s * SECOND_US * self._room.time.speed, state
