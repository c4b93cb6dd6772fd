"""How often a host may be asked, counted for all sources of the process together."""

from __future__ import annotations

import msgspec

from lapwing.hearing import Timekeeper


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """So many requests at once, and one more each `every_s`."""

    every_s: float
    burst: int = 1


class Allowance:
    """What one host still allows. Who waits first asks first."""

    def __init__(self, time: Timekeeper) -> None:
        self._time = time
        self._free_at_s = 0.0
        """When the bucket will be, or was, full again."""
        self.until_us = 0
        """Before this nothing may be asked, as the host said."""

    def wait_s(self, pace: Pace | None) -> float:
        """Take one request, and say how long to wait before it is made."""
        wait_s = max(0.0, (self.until_us - self._time.now_us()) / 1e6)
        if pace is None:
            return wait_s
        now_s = self._time.monotonic_s()
        self._free_at_s = max(self._free_at_s, now_s) + pace.every_s
        return max(wait_s, self._free_at_s - pace.burst * pace.every_s - now_s)

    def block(self, until_us: int | None) -> None:
        """Ask nothing before then."""
        self.until_us = max(self.until_us, until_us or 0)
