"""A clock that is wound by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threading import Event


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
