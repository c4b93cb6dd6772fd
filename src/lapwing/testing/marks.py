"""Marks at which a process dies: to count them, and to be killed at one."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable

Mark = Callable[[str], None]
"""What production code calls at a point where a crash would be interesting. In production it does nothing."""


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
