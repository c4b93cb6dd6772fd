"""The public test kit: a clock that is wound by hand, and marks at which a process dies.

What it offers is for tests of Lapwing and of what others build on it; nothing in production imports it.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threading import Event

Mark = Callable[[str], None]
"""What production code calls at a point where a crash would be interesting. In production it does nothing."""


class SimulatedClock:
    """A `Clock` whose time passes only when somebody sleeps or winds it, so that a day takes no time at all."""

    def __init__(self, now_us: int = 1_767_571_200_000_000) -> None:
        """Starts at `now_us`; if nothing else is said, at 2026-01-05T00:00:00Z."""
        self._now_us = now_us
        self._elapsed_us = 0
        self.slept_s: list[float] = []
        """Every wait that was asked for, in order."""

    def now_us(self) -> int:
        """UTC microseconds since 1970."""
        return self._now_us

    def monotonic_s(self) -> float:
        """Seconds since this clock was made; setting the clock does not change them."""
        return self._elapsed_us / 1_000_000

    def sleep(self, seconds: float, wake: Event | None = None) -> bool:
        """Let `seconds` pass at once; with `wake` set already, no time passes and the answer is True."""
        self.slept_s.append(seconds)
        if wake is not None and wake.is_set():
            return True
        self.advance(max(seconds, 0.0))
        return False

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        assert seconds >= 0, "time does not go back; set_us() sets the clock"
        passed_us = round(seconds * 1_000_000)
        self._now_us += passed_us
        self._elapsed_us += passed_us

    def set_us(self, now_us: int) -> None:
        """Set the clock, even back, as an operator or a time server might; `monotonic_s` goes on undisturbed."""
        self._now_us = now_us


class CrashMarks:
    """A `Mark` that counts what was passed: to learn which marks a run has, before crashing at each of them."""

    def __init__(self) -> None:
        """Starts with nothing passed."""
        self.passed: Counter[str] = Counter()

    def __call__(self, name: str) -> None:
        """Note that `name` was passed."""
        self.passed[name] += 1


def crash_at(name: str, times: int = 1) -> Mark:
    """A `Mark` that kills its own process with SIGKILL when `name` is passed for the `times`-th time.

    Nothing is flushed, closed or rolled back: this is ``kill -9``, at the one moment that the test is about.
    Use it in a child process; it can be pickled, and so be handed to one.
    """
    assert times >= 1, "the first time is 1"
    return _Crash(name, times)


class _Crash:
    """What `crash_at` makes."""

    def __init__(self, name: str, times: int) -> None:
        self._name = name
        self._left = times

    def __call__(self, passed: str) -> None:
        if passed != self._name:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
