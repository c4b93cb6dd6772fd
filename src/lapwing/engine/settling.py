"""What becomes of records that a function is called with: its output, or the reason why there is none.

A call that fails is tried again, as often as the function allows, at growing intervals. A frame that fails still is
halved until what fails is alone, so that its neighbours go on.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from lapwing.containers import recordings
from lapwing.engine.calling import Caller, Outcome
from lapwing.engine.clock import Clock
from lapwing.engine.inputs import Item, Taken
from lapwing.engine.returned import line_of

BACK_OFF_S = 0.1
BACK_OFF_S_MAX = 30.0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A function between topics: what it reads and writes, and how it is called."""

    name: str
    topic: str
    to: str | None = None
    errors: str = "errors"
    caller: Callable[[], Caller]
    """Makes what calls it; each of the parallel calls has its own."""
    retries: int = 3
    timeout_s: float = 300.0
    parallel: int = 1
    each: bool = False
    changes: bool = False


class Failure(msgspec.Struct, frozen=True):
    """A record on which a function failed."""

    offset: int
    line: bytes
    """For the errors topic."""
    reason: str


class Settled(msgspec.Struct, frozen=True):
    """Some records of a partition that are done with."""

    taken: Taken
    offsets: list[int]
    lines: list[tuple[str | None, bytes]]
    """What goes on, each with its key."""
    failures: list[Failure]
    calls: int


class Task(msgspec.Struct, frozen=True):
    """Some records of a partition, in their order: called together, or one after the other."""

    taken: Taken
    rows: list[int]


class Slot:
    """One of a function's parallel calls: takes tasks, and says what became of them."""

    def __init__(self, plan: Plan, clock: Clock, stop: threading.Event, settled: queue.SimpleQueue[Any]) -> None:
        self._plan, self._clock, self._stop = plan, clock, stop
        self._settled = settled
        self._caller = plan.caller()
        self._calls = 0

    def serve(self, tasks: queue.SimpleQueue[Task | None]) -> None:
        """Work off tasks until there is a None, or until no more calls can be made, which is handed on."""
        try:
            while (task := tasks.get()) is not None and not self._stop.is_set():
                groups = [[row] for row in task.rows] if self._plan.each else [task.rows]
                for rows in groups:
                    for done in self._settle(task.taken, rows, self._plan.retries):
                        self._settled.put(done)
                    if self._stop.is_set():
                        break
        except BaseException as problem:  # noqa: BLE001  (the function is paused, its process lives)
            self._settled.put(problem)
        finally:
            self._caller.close()

    def _settle(self, taken: Taken, rows: list[int], retries: int) -> Iterator[Settled]:
        """Call, try again, halve; nothing once we are to stop, so that the next process begins with these records anew."""
        outcome, retries = self._tried(taken, rows, retries)
        if self._stop.is_set() and outcome.lines is None:
            return
        if outcome.lines is None and len(rows) > 1:
            half = len(rows) // 2
            yield from self._settle(taken, rows[:half], retries)
            yield from self._settle(taken, rows[half:], retries)
            return
        items = [taken.items[row] for row in rows]
        failures = [] if outcome.lines is not None else [self._failure(taken, items[0], outcome)]
        lines = [(self._key(items[0], line), line) for line in outcome.lines or []]
        calls, self._calls = self._calls, 0
        yield Settled(taken, [item.offset for item in items], lines, failures, calls)

    def _tried(self, taken: Taken, rows: list[int], retries: int) -> tuple[Outcome, int]:
        """The first outcome that is good, or the last; and how many retries are left. A frame that took too long is not
        called again whole: it would take as long.
        """
        wait_s = BACK_OFF_S
        while True:
            self._calls += 1
            outcome = self._caller.call(taken.given(rows, self._plan.each), self._plan.timeout_s)
            if outcome.lines is not None or retries == 0 or (outcome.timed_out and len(rows) > 1):
                return outcome, retries
            retries -= 1
            if self._clock.sleep(wait_s, self._stop):
                return outcome, retries
            wait_s = min(wait_s * 2, BACK_OFF_S_MAX)

    def _key(self, item: Item, line: bytes) -> str | None:
        """One record's output has its key; of a frame's rows the author, where they have one."""
        if self._plan.each:
            return item.key
        try:
            return msgspec.json.decode(line, type=_Authored).author
        except msgspec.DecodeError:
            return None

    def _failure(self, taken: Taken, item: Item, outcome: Outcome) -> Failure:
        letter = {
            "function": self._plan.name,
            "topic": taken.topic,
            "partition": taken.partition,
            "offset": item.offset,
            "reason": outcome.reason,
            "trace": outcome.trace,
            "key": item.key,
            "record": readable(item.record),
        }
        return Failure(item.offset, msgspec.json.encode(letter), outcome.reason)


class _Authored(msgspec.Struct):
    author: str | None = None


def readable(record: bytes) -> Any:
    """A record as JSON where it is that, otherwise as text, otherwise as ``{"base64": …}``."""
    try:
        value = msgspec.json.decode(record)
        line_of({"record": value})
    except (ValueError, TypeError, RecursionError):
        return recordings.readable(record)
    return value
