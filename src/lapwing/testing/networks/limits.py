"""How often a client may ask: so many requests in a window of time, counted as servers count them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Allowance(NamedTuple):
    """What is left after one more request."""

    allowed: bool
    limit: int
    remaining: int
    reset_us: int
    """When the window ends and all is forgotten."""


class Limit:
    """So many requests in each window; the window begins with the first of them."""

    def __init__(self, requests: int, window_s: float, now_us: Callable[[], int]) -> None:
        """Starts with all that is allowed."""
        self.requests = requests
        self._window_us = round(window_s * 1_000_000)
        self._now_us = now_us
        self._ends_us = 0
        self._taken = 0

    def take(self) -> Allowance:
        """Count one request; also one that is refused has been counted."""
        now_us = self._now_us()
        if now_us >= self._ends_us:
            self._ends_us, self._taken = now_us + self._window_us, 0
        self._taken += 1
        remaining = max(0, self.requests - self._taken)
        return Allowance(self._taken <= self.requests, self.requests, remaining, self._ends_us)
