"""The test kit is tested too: the clocks, and the mark that kills."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import lapwing.testing
from lapwing.engine.clock import Clock, SystemClock
from lapwing.testing import CrashMarks, SimulatedClock, crash_at

MONDAY_US = 1_767_571_200_000_000


def test_a_simulated_day_takes_no_time() -> None:
    clock = SimulatedClock()
    assert clock.sleep(86_400) is False
    assert clock.now_us() == MONDAY_US + 86_400_000_000
    assert clock.monotonic_s() == 86_400.0
    assert clock.slept_s == [86_400]


def test_setting_the_clock_back_leaves_durations_alone() -> None:
    clock = SimulatedClock(now_us=MONDAY_US)
    clock.advance(2.5)
    clock.set_us(MONDAY_US - 1)
    assert (clock.now_us(), clock.monotonic_s()) == (MONDAY_US - 1, 2.5)


@pytest.mark.parametrize("clock", [SimulatedClock(), SystemClock()], ids=["simulated", "system"])
def test_who_is_woken_does_not_wait(clock: Clock) -> None:
    wake = threading.Event()
    wake.set()
    before_s = clock.monotonic_s()
    assert clock.sleep(3600, wake) is True
    assert clock.monotonic_s() - before_s < 60


@pytest.mark.parametrize("clock", [SimulatedClock(), SystemClock()], ids=["simulated", "system"])
def test_a_clock_goes_on(clock: Clock) -> None:
    before_us, before_s = clock.now_us(), clock.monotonic_s()
    assert clock.sleep(0.002) is False
    assert clock.sleep(0.002, threading.Event()) is False
    assert clock.sleep(-1) is False
    assert clock.monotonic_s() - before_s >= 0.0039
    assert clock.now_us() > before_us


def test_marks_are_counted() -> None:
    marks = CrashMarks()
    for name in ("append", "commit", "append"):
        marks(name)
    assert marks.passed == {"append": 2, "commit": 1}


def test_the_mark_kills_at_the_time_it_was_told() -> None:
    program = (
        "from lapwing.testing import crash_at\n"
        "mark = crash_at('commit', times=2)\n"
        "for name in ('commit', 'append', 'commit', 'never'):\n"
        "    print(name, flush=True)\n"
        "    mark(name)\n"
    )
    source = str(Path(lapwing.testing.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": source}, capture_output=True, text=True, check=False
    )
    assert done.returncode == -9
    assert done.stdout.split() == ["commit", "append", "commit"]


def test_the_mark_can_be_handed_to_a_process_that_is_spawned() -> None:
    pickle.loads(pickle.dumps(crash_at("commit", times=2)))("commit")


def test_other_marks_are_passed_unharmed() -> None:
    mark = crash_at("commit")
    mark("append")
