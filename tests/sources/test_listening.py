"""The engine that drives sources, with a source that a test speaks through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from lapwing import config
from lapwing.app.listening import plans_of
from lapwing.engine.attention import Attention, Memory, Patience, Rhythm
from lapwing.engine.heard import Plan
from lapwing.engine.listening import Hands, Listener
from lapwing.hearing import (
    BackOff,
    Disconnected,
    Lost,
    RateLimited,
    RefusedBySource,
    Source,
    SourceChunk,
    SourceNote,
    Surroundings,
)
from lapwing.model import COVERAGE
from sources.hearing import DEADLINE_S, Room
from testing.stories import story


class Options(msgspec.Struct, frozen=True):
    """A script: numbers are said, errors are raised."""

    script: tuple[Any, ...]


PAUSE = "pause"
SCRIPTS: dict[int, list[Any]] = {}


async def read(options: Options, after: str, surroundings: Surroundings) -> AsyncGenerator[SourceChunk, None]:
    """Says each number after the cursor; an exception in the script is raised once."""
    script = SCRIPTS[options.script[0]]
    first = True
    while True:
        at = int(after or 0)
        if at >= len(script):
            yield SourceChunk(covered_to_us=surroundings.time.now_us())
            await surroundings.time.sleep(0.05)
            continue
        step = script[at]
        if isinstance(step, Exception):
            script[at] = None
            raise step
        if step == PAUSE:
            await surroundings.time.sleep(2.0)
        after = str(at + 1)
        now_us = surroundings.time.now_us()
        values = [] if step in (None, PAUSE) else [b"%d" % step]
        yield SourceChunk(values=values, cursor=after, covered_from_us=now_us if first else None, covered_to_us=now_us)
        first = False


SOURCE = Source(network="test", format="unrecognised", options=Options, read=read, resume="none", example="")


def listen_through(tmp_path: Path, script: list[Any], speed: float = 1.0) -> Room:
    room = Room(tmp_path, speed)
    SCRIPTS[id(room)] = script
    wanted = sum(isinstance(step, int) for step in script)
    with room.listening("bird", SOURCE, Options((id(room),))):
        room.wait_until(lambda: len(room.values()) >= wanted)
        room.wait_until(lambda: room.states()["bird"]["state"] == "live")
    return room


def test_what_is_heard_is_in_the_log_with_its_cursor(tmp_path: Path) -> None:
    room = listen_through(tmp_path, [1, 2, 3])
    assert sorted(room.values()) == [b"1", b"2", b"3"]
    state = room.states()["bird"]
    assert (state["cursor"], state["records"], state["state"]) == ("3", 3, "paused")
    assert [note.kind for note in room.notes()].count("began") == 1
    assert len(room.heard_us()) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        Disconnected("cut"),
        OSError("no route"),
        RateLimited("too many"),
        RefusedBySource("bad token"),
        ValueError("ours"),
    ],
)
def test_trouble_is_survived_and_leaves_a_gap_with_its_reason(tmp_path: Path, trouble: Exception) -> None:
    room = listen_through(tmp_path, [1, PAUSE, trouble, 2, PAUSE], speed=400.0)
    assert sorted(room.values()) == [b"1", b"2"]
    state = room.states()["bird"]
    assert state["disconnects"] == 1
    gaps = [note for note in room.notes() if note.kind == "gap"]
    assert gaps, "the time without connection is a gap"
    assert all(str(trouble).split(";")[0] in note.reason for note in gaps)
    (first, second) = room.heard_us()[0], room.heard_us()[-1]
    assert {note.from_us for note in gaps} == {first[1]}
    assert max(note.to_us for note in gaps) == second[0]


def test_it_goes_on_after_a_restart_where_it_was_and_the_pause_is_a_gap(tmp_path: Path) -> None:
    room = Room(tmp_path, speed=50.0)
    SCRIPTS[id(room)] = [1, 2]
    with room.listening("bird", SOURCE, Options((id(room),))):
        room.wait_until(lambda: len(room.values()) == 2)
    SCRIPTS[id(room)] += [3]
    left_us = room.time.now_us()
    room.wait_until(lambda: room.time.now_us() > left_us + 5_000_000)
    with room.listening("bird", SOURCE, Options((id(room),))):
        room.wait_until(lambda: len(room.values()) == 3)
        room.wait_until(lambda: any(note.kind == "gap" for note in room.notes()))
    assert sorted(room.values()) == [b"1", b"2", b"3"]
    (reason,) = {note.reason for note in room.notes() if note.kind == "gap"}
    assert reason == "it was not listened to"
    assert [note.kind for note in room.notes()].count("began") == 1


def test_a_rhythm_knows_what_silence_is_none() -> None:
    rhythm = Rhythm()
    for second in range(10):
        rhythm.heard(float(second))
    assert rhythm.silence_s() == 3600.0, "ten records say nothing yet"
    for second in range(10, 200):
        rhythm.heard(float(second))
    assert rhythm.silence_s() == pytest.approx(20.72, abs=0.01), "-ln(1e-9) × 1 s"
    for minute in range(600):
        rhythm.heard(200.0 + 60.0 * minute)
    assert rhythm.silence_s() == pytest.approx(20.72 * 60, rel=0.01)


def test_patience_grows_and_a_steady_connection_forgives() -> None:
    class Even:
        def uniform(self, low: float, high: float) -> float:
            return 0.0

    patience = Patience(Even())  # type: ignore[arg-type]
    back_off = BackOff(first_s=1, factor=2, max_s=5)
    assert [patience.wait_s(back_off, 0.0) for _ in range(4)] == [1, 2, 4, 5]
    assert patience.wait_s(back_off, 61.0) == 1
    linear = BackOff(first_s=0.25, factor=1, step_s=0.25, max_s=16)
    assert [patience.wait_s(linear, 0.0) for _ in range(3)] == [0.25, 0.5, 0.75]


def test_what_was_filled_back_is_heard_and_closes_nothing_that_it_does_not_cover() -> None:
    attention = Attention("a", "n", Memory(heard_until_us=10_000_000, began=True))
    attention.hear(SourceChunk(covered_from_us=60_000_000, covered_to_us=61_000_000))
    attention.hear(SourceChunk(covered_from_us=20_000_000, covered_to_us=30_000_000, state="back-filling"))
    attention.hear(SourceChunk(covered_from_us=61_000_000, covered_to_us=62_000_000))
    notes = [(note.kind, note.from_us, note.to_us) for note in attention.take(70_000_000)]
    assert notes == [
        ("gap", 10_000_000, 60_000_000),
        ("heard", 60_000_000, 61_000_000),
        ("heard", 20_000_000, 30_000_000),
        ("heard", 61_000_000, 62_000_000),
    ]
    assert attention.memory.heard_until_us == 62_000_000


def test_what_is_lost_is_not_heard_whatever_lies_around_it() -> None:
    attention = Attention("a", "n", Memory(heard_until_us=0, began=True))
    lost = (Lost(30, 40, "the network says so"), Lost(35, 50, "and so"))
    attention.hear(SourceChunk(covered_from_us=0, covered_to_us=100, lost=lost))
    assert [(note.kind, note.from_us, note.to_us) for note in attention.take(0)] == [
        ("gap", 30, 40),
        ("gap", 35, 50),
        ("heard", 0, 30),
        ("heard", 50, 100),
    ]


def test_one_that_was_never_heard_has_a_gap_from_its_beginning() -> None:
    attention = Attention("a", "n", Memory())
    attention.begin(1_000_000)
    attention.trouble = "nobody knows this name"
    attention.deaf(31_000_000)
    assert [(note.kind, note.from_us, note.to_us, note.reason) for note in attention.take(31_000_000)] == [
        ("began", 1_000_000, 1_000_000, ""),
        ("gap", 1_000_000, 31_000_000, "nobody knows this name"),
    ]


def test_a_missing_secret_is_a_refusal_with_its_reason(tmp_path: Path) -> None:
    made = config.parse('[[source]]\ntype = "x"\ntoken = "env:NOWHERE_SET"\nrules = ["flood"]\n', environment={})
    (plan,) = plans_of(made).values()
    room = Room(tmp_path, speed=20.0)
    with room.listening("x", plan.source, plan.options):
        room.wait_until(lambda: room.states().get("x", {}).get("state") == "refused")
    assert plans_of(made)["x"] == plan, "it is not started anew for the same reason"
    gap = next(note for note in room.notes() if note.kind == "gap")
    assert "NOWHERE_SET" in gap.reason


class Wire:
    """A network, a log and a time in which a story decides what happens while an append waits for its turn."""

    def __init__(self, *said: bytes | Exception) -> None:
        self.said = said
        """The first at once, the others while it is appended."""
        self.appends, self.goes_on, self.slept = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.appended: list[tuple[list[bytes], SourceNote, str | None]] = []

    async def read(self, options: Options, after: str, surroundings: Surroundings) -> AsyncGenerator[SourceChunk, None]:
        for number, each in enumerate(self.said):
            if number:
                await self.appends.wait()
            if isinstance(each, Exception):
                raise each
            yield SourceChunk(values=[each], cursor=str(number))
        await self.sleep(1.0)

    def claim_source(self, source: str, owner: str, now_us: int) -> Any:
        return SimpleNamespace(cursor="")

    def release_source(self, lease: Any) -> None:
        """Nobody else wants it."""

    def source_memory(self, source: str) -> tuple[int | None, bool]:
        return None, True

    def append_heard(self, lease: Any, outputs: Any, note: SourceNote, *, now_us: int, cursor: str | None) -> None:
        values = [value for topic, records in outputs if topic != COVERAGE for value in records.values]
        self.appended.append((values, note, cursor))

    async def in_thread(self, work: Callable[[], Any]) -> Any:
        """As a thread that has other work first; what is cancelled before its turn is never done."""
        if getattr(work, "func", None) == self.append_heard:
            self.appends.set()
            await self.goes_on.wait()
        return work()

    def now_us(self) -> int:
        return 1

    def monotonic_s(self) -> float:
        return 1.0

    async def sleep(self, seconds: float) -> None:
        """Nobody wakes up: all was said."""
        self.slept.set()
        await asyncio.Event().wait()

    def within(self, seconds: float | None) -> AbstractAsyncContextManager[Any]:
        return asyncio.timeout(DEADLINE_S)

    def listened(self) -> asyncio.Task[None]:
        source = msgspec.structs.replace(SOURCE, read=self.read)
        hands = Hands(log=self, time=self, chance=Random(1), owner="test", in_thread=self.in_thread, shared={})
        plan = Plan(name="bird", type="bird", topic="raw.test", source=source, options=Options(()))
        return asyncio.create_task(Listener(plan, hands).run())


@story
async def test_one_that_fell_while_its_words_were_appended_is_said_to_be_down(caplog: pytest.LogCaptureFixture) -> None:
    wire = Wire(b"one", b"two", Disconnected("the line is cut"))
    task = wire.listened()
    await wire.slept.wait()
    wire.goes_on.set()
    while len(wire.appended) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0)  # the listener runs in the same loop
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    states = [(values, note.state, note.disconnects) for values, note, _ in wire.appended]
    assert states == [([b"one"], "live", 0), ([b"two"], "broken", 1), ([], "paused", 0)]
    assert caplog.messages == ["bird is down: the line is cut"]


@story
async def test_what_waits_to_be_appended_when_it_ends_is_appended_first() -> None:
    wire = Wire(b"one", b"two")
    task = wire.listened()
    await wire.slept.wait()
    task.cancel()
    await asyncio.sleep(0)
    wire.goes_on.set()
    await asyncio.gather(task, return_exceptions=True)
    assert [(values, cursor) for values, _, cursor in wire.appended] == [([b"one"], "0"), ([b"two"], "1")]
