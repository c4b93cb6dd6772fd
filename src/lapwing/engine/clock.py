"""The only clock. Whoever needs the time is handed one, so that a test can hand over another."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from threading import Event


class Clock(Protocol):
    """What tells the time and waits."""

    def now_us(self) -> int:
        """UTC microseconds since 1970. May step when the machine's clock is set."""

    def monotonic_s(self) -> float:
        """Seconds since a beginning of its own; never goes back. For durations and deadlines."""

    def sleep(self, seconds: float, wake: Event | None = None) -> bool:
        """Wait, at most until `wake` is set; True when it was `wake` that ended the wait."""


class SystemClock:
    """The machine's own clock."""

    def now_us(self) -> int:
        """UTC microseconds since 1970."""
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        """Seconds since the machine was started, or thereabouts."""
        return time.monotonic()

    def sleep(self, seconds: float, wake: Event | None = None) -> bool:
        """Wait, at most until `wake` is set; True when it was `wake` that ended the wait."""
        if wake is not None:
            return wake.wait(max(seconds, 0.0))
        time.sleep(max(seconds, 0.0))
        return False
