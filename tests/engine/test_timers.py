"""Timers: on time, not twice, made up for as they say, and harmless; all of it on a clock that is wound by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lapwing.engine.clock import SystemClock
from lapwing.engine.timers import Due, TimerPlan, Timers, due
from lapwing.log.sqlite import SqliteLog
from lapwing.testing import SimulatedClock

MINUTE_US = 60_000_000
DEADLINE_S = 60.0


def plan(function: Callable[[], Any] = lambda: None, **values: Any) -> TimerPlan:
    return TimerPlan(**{"name": "tidy", "function": function, "every_us": 5 * MINUTE_US} | values)


class Shelf:
    """A log with timers, on a simulated clock."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "log.sqlite"
        self.clock = SimulatedClock()

    def timers(self, *plans: TimerPlan, owner: str = "one") -> Timers:
        return Timers(plans, SqliteLog(self.path), self.clock, owner)

    def state(self, name: str = "tidy") -> dict[str, Any]:
        return {row["name"]: row for row in SqliteLog(self.path).timer_states()}[name]


def settle(timers: Timers) -> None:
    """Step until nothing runs; what runs is quick, and the simulated clock stands still."""
    deadline_s = SystemClock().monotonic_s() + DEADLINE_S
    timers.step()
    while timers.busy():
        assert SystemClock().monotonic_s() < deadline_s
        SystemClock().sleep(0.001)  # the call runs in a thread of its own, on real time
        timers.step()


def test_it_runs_at_once_and_then_at_its_interval(tmp_path: Path) -> None:
    shelf, runs = Shelf(tmp_path), []
    timers = shelf.timers(plan(lambda: runs.append(1)))
    for _ in range(31):
        settle(timers)
        shelf.clock.advance(60)
    assert len(runs) == 7
    assert shelf.state()["runs"] == 7


@pytest.mark.parametrize(("catch_up", "runs_after"), [("once", 1), ("all", 6), ("none", 0)])
def test_missed_runs_are_made_up_for_as_it_says(tmp_path: Path, catch_up: str, runs_after: int) -> None:
    shelf, runs = Shelf(tmp_path), []
    settle(shelf.timers(plan()))
    shelf.clock.advance(31 * 60)
    again = shelf.timers(plan(lambda: runs.append(1), catch_up=catch_up), owner="one")
    for _ in range(10):
        settle(again)
    assert len(runs) == runs_after
    shelf.clock.advance(4 * 60)
    for _ in range(3):
        settle(again)
    assert len(runs) == runs_after + 1


def test_when_it_is_due() -> None:
    five = plan()
    assert due(five, None, 100) == Due(True, 100)
    assert due(five, 0, 5 * MINUTE_US - 1) == Due(False, 0)
    assert due(five, 0, 5 * MINUTE_US) == Due(True, 5 * MINUTE_US)
    assert due(five, 10 * MINUTE_US, MINUTE_US) == Due(False, MINUTE_US)
    assert due(plan(catch_up="all"), 0, 10_000 * 5 * MINUTE_US) == Due(True, 9_001 * 5 * MINUTE_US)


def test_only_one_process_runs_it_and_another_takes_over_when_it_falls_silent(tmp_path: Path) -> None:
    shelf, runs = Shelf(tmp_path), []
    first = shelf.timers(plan(lambda: runs.append("first")), owner="first")
    second = shelf.timers(plan(lambda: runs.append("second")), owner="second")
    for _ in range(4):
        settle(first)
        settle(second)
        shelf.clock.advance(5)
    assert runs == ["first"]
    for _ in range(61):
        settle(second)
        shelf.clock.advance(5)
    assert runs == ["first", "second"]
    settle(first)
    shelf.clock.advance(2)
    settle(first)
    assert runs == ["first", "second"]


def test_a_run_that_raises_is_recorded_and_harms_nobody(tmp_path: Path) -> None:
    shelf, runs = Shelf(tmp_path), []
    timers = shelf.timers(plan(lambda: 1 / 0), plan(lambda: runs.append(1), name="other"))
    settle(timers)
    assert (shelf.state()["failures"], shelf.state()["last_error"]) == (1, "ZeroDivisionError: division by zero")
    assert runs == [1]
    shelf.clock.advance(300)
    settle(timers)
    assert shelf.state()["failures"] == 2
    assert shelf.state("other")["runs"] == 2


def test_a_run_that_exits_is_recorded(tmp_path: Path) -> None:
    def leave() -> None:
        raise SystemExit(3)

    shelf = Shelf(tmp_path)
    settle(shelf.timers(plan(leave)))
    assert shelf.state()["last_error"] == "SystemExit: 3"


def test_a_run_that_takes_too_long_is_left_behind(tmp_path: Path) -> None:
    shelf, never, runs = Shelf(tmp_path), threading.Event(), []
    timers = shelf.timers(
        plan(lambda: never.wait() and None, timeout_s=10.0), plan(lambda: runs.append(1), name="other")
    )
    timers.step()
    for _ in range(20):
        shelf.clock.advance(1)
        timers.step()
    never.set()
    assert shelf.state()["last_error"] == "TimeoutError: did not return within 10 s"
    settle(timers)
    assert runs == [1]


def test_a_run_that_was_killed_is_not_run_again_before_its_time(tmp_path: Path) -> None:
    shelf, never, runs = Shelf(tmp_path), threading.Event(), []
    shelf.timers(plan(never.wait)).step()
    again = shelf.timers(plan(lambda: runs.append(1)))
    settle(again)
    assert runs == []
    shelf.clock.advance(301)
    settle(again)
    never.set()
    assert runs == [1]
